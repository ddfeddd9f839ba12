"""A profile's document as the rules see it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleet.domain.battery.policy import default_policy
from fleet.domain.condition import Policies
from fleet.domain.words import Chemistry


def policies_of(document: Mapping[str, Any]) -> Policies:
    """What the document does not say stays as it is by default."""
    battery = document.get("battery", {})
    required = document.get("apps", {}).get("required", [])
    return Policies(
        battery={
            Chemistry(name): replace(default_policy(Chemistry(name)), **limits)
            for name, limits in battery.items()
        },
        required_apps=frozenset(app["name"] for app in required),
    )

"""Topic names of device protocol v1 (docs/asyncapi.yaml)."""

import re
from typing import NamedTuple

ROOT = "fleet/v1"
SHARED_UP_FILTER = f"$share/ingest/{ROOT}/up/+/#"
"""Each message goes to one of the ingest processes that listen, however many there are."""
HEARTBEAT = f"{ROOT}/service/heartbeat"
"""The service's own message to itself: it proves schedule, broker and ingest in one round trip."""

DEVICE_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,62}")


class UpTopic(NamedTuple):
    """Who spoke, and on which channel (`birth`, `state`, `telemetry`, `reported`, ...)."""

    device_id: str
    channel: str


def is_device_id(text: str) -> bool:
    return DEVICE_ID.fullmatch(text) is not None


def parse_up(topic: str) -> UpTopic | None:
    """The sender and channel of an upward topic; None where it is not one."""
    parts = topic.split("/")
    if len(parts) < 5 or parts[:3] != ["fleet", "v1", "up"]:
        return None
    return UpTopic(parts[3], "/".join(parts[4:]))


def up(device_id: str, channel: str) -> str:
    return f"{ROOT}/up/{device_id}/{channel}"


def down(device_id: str, channel: str) -> str:
    return f"{ROOT}/down/{device_id}/{channel}"

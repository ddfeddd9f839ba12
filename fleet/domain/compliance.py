"""Compliance: what a device has against what it should have, judged by the service alone.

Reason codes after Android's management API (NonComplianceReason).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fleet.domain.versions import is_at_least
from fleet.domain.words import ComplianceState

APPLY_WITHIN = timedelta(minutes=10)
"""A device that is on has this long to apply a new generation before it counts against it."""
REPORT_MAX_AGE = timedelta(minutes=40)
"""Devices report every 15 minutes; older than this, nobody knows any more."""
REPAIR_PAUSE = timedelta(minutes=1)
"""Between two repairs of one device: something there keeps changing it, and we do not fight."""


@dataclass(frozen=True, slots=True)
class Item:
    """One path of the profile: what is desired, what is reported, and the judgement."""

    path: str
    desired: Any
    reported: Any
    state: ComplianceState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    generation: int
    sha256: str
    desired_at: datetime
    """From when on the device could know of it."""
    document: Mapping[str, Any]
    compliant_generation: int | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """`items`: mappings with `path`, and `value` and `reason` where known."""

    generation: int
    sha256: str
    reported_at: datetime
    items: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """`judge_after`: when silence alone would change it."""

    state: ComplianceState
    reason: str | None
    judge_after: datetime | None = None


def judge(desired: Desired | None, reported: Reported | None, now: datetime) -> Judgement:
    """Too old a report is unknown, never green; the rest item by item."""
    if desired is None:
        return Judgement(ComplianceState.UNKNOWN, "no profile assigned")
    apply_by = desired.desired_at + APPLY_WITHIN
    if reported is None:
        if now < apply_by:
            return Judgement(ComplianceState.PENDING, "not reported yet", apply_by)
        return Judgement(ComplianceState.UNKNOWN, "never reported")
    too_old_at = reported.reported_at + REPORT_MAX_AGE
    if now >= too_old_at:
        return Judgement(ComplianceState.UNKNOWN, "report too old")
    if (reported.generation, reported.sha256) != (desired.generation, desired.sha256):
        reason = f"generation {desired.generation} not applied, has {reported.generation}"
        if now < apply_by:
            return Judgement(ComplianceState.PENDING, reason, min(apply_by, too_old_at))
        return Judgement(ComplianceState.NONCOMPLIANT, reason, too_old_at)
    state, why = _overall(judge_items(desired.document, reported.items), desired)
    return Judgement(state, why, too_old_at)


def _overall(items: list[Item], desired: Desired) -> tuple[ComplianceState, str | None]:
    failing = [item for item in items if item.state != ComplianceState.COMPLIANT]
    if not failing:
        return ComplianceState.COMPLIANT, None
    paths = ", ".join(item.path for item in failing[:3])
    why = paths if len(failing) <= 3 else f"{paths} and {len(failing) - 3} more"
    if all(item.state == ComplianceState.UNSUPPORTED for item in failing):
        return ComplianceState.UNSUPPORTED, why
    if desired.compliant_generation == desired.generation:
        return ComplianceState.DRIFTED, why
    return ComplianceState.NONCOMPLIANT, why


def judge_items(document: Mapping[str, Any], reported: Iterable[Mapping[str, Any]]) -> list[Item]:
    """Every path of a profile document, judged; what it does not name is not looked at."""
    found = {item["path"]: item for item in reported}
    items = [
        _setting(f"settings.{key}", value, found.get(f"settings.{key}", {}))
        for key, value in sorted(document.get("settings", {}).items())
    ]
    interval = document.get("reporting", {}).get("interval_s")
    if interval is not None:
        path = "reporting_interval_s"
        items.append(_setting(path, interval, found.get(path, {})))
    for app in document.get("apps", {}).get("required", []):
        path = f"apps.{app['name']}"
        items.append(_version(path, app["version"], found.get(path, {}), "APP_NOT_INSTALLED"))
    minimum = document.get("firmware", {}).get("minimum")
    if minimum is not None:
        items.append(_version("firmware", minimum, found.get("firmware", {}), "PENDING"))
    return items


def _setting(path: str, desired: Any, reported: Mapping[str, Any]) -> Item:
    value, reason = reported.get("value"), reported.get("reason")
    if value == desired and type(value) is type(desired):
        return Item(path, desired, value, ComplianceState.COMPLIANT)
    if reason == "UNSUPPORTED":
        return Item(path, desired, value, ComplianceState.UNSUPPORTED, reason)
    return Item(path, desired, value, ComplianceState.NONCOMPLIANT, reason)


def _version(path: str, minimum: str, reported: Mapping[str, Any], absent_reason: str) -> Item:
    value = reported.get("value")
    wanted = f"at least {minimum}"
    if value is None:
        reason = reported.get("reason") or absent_reason
        return Item(path, wanted, None, ComplianceState.NONCOMPLIANT, reason)
    if is_at_least(str(value), minimum):
        return Item(path, wanted, value, ComplianceState.COMPLIANT)
    reason = reported.get("reason") or (
        "APP_NOT_UPDATED" if path.startswith("apps.") else "PENDING"
    )
    return Item(path, wanted, value, ComplianceState.NONCOMPLIANT, reason)

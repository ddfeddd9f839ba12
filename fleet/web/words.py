"""Numbers and states as people say them, for every template."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask import Flask

from fleet.domain.board import Group
from fleet.domain.commands import CommandState
from fleet.domain.rollout.words import AT_WORK, JobState, RolloutState
from fleet.domain.words import (
    AlertKind,
    Availability,
    ComplianceState,
    DeviceKind,
    Identity,
    Outcome,
)
from fleet.web import clock
from fleet.web.load_chart import DAYS
from fleet.web.purchasing import money


class Look(NamedTuple):
    """How one state is shown: its word, and the name of its shape and colour."""

    word: str
    shape: str


GROUPS = {
    Group.TAKE: Look("Take", "take"),
    Group.PLUG_IN: Look("Plug in now", "plug-in"),
    Group.CHARGING: Look("Charging", "charging"),
    Group.IN_USE: Look("In use", "in-use"),
    Group.OUT_OF_SERVICE: Look("Out of service", "out-of-service"),
    Group.NOT_HEARD_OF: Look("Not heard of", "not-heard-of"),
}
AVAILABILITIES = {
    Availability.AVAILABLE: Look("Available", "take"),
    Availability.LOW: Look("Low", "plug-in"),
    Availability.CHARGING: Look("Charging", "charging"),
    Availability.IN_USE: Look("In use", "in-use"),
    Availability.UNAVAILABLE: Look("Out of service", "out-of-service"),
    Availability.UNKNOWN: Look("Not heard of", "not-heard-of"),
}
COMPLIANCE = {
    ComplianceState.COMPLIANT: Look("Compliant", "take"),
    ComplianceState.PENDING: Look("Pending", "charging"),
    ComplianceState.DRIFTED: Look("Drifted", "plug-in"),
    ComplianceState.NONCOMPLIANT: Look("Noncompliant", "out-of-service"),
    ComplianceState.UNSUPPORTED: Look("Unsupported", "in-use"),
    ComplianceState.UNKNOWN: Look("Unknown", "not-heard-of"),
}
IDENTITIES = {
    Identity.CERTIFIED: Look("Certified", "take"),
    Identity.PENDING: Look("Pending approval", "plug-in"),
    Identity.UNCERTIFIED: Look("No certificate", "in-use"),
    Identity.REVOKED: Look("Revoked", "out-of-service"),
    Identity.EXPIRED: Look("Certificate expired", "not-heard-of"),
    Identity.DECOMMISSIONED: Look("Decommissioned", "not-heard-of"),
}
ROLLOUTS = {
    RolloutState.PROPOSED: Look("Proposed", "in-use"),
    RolloutState.RUNNING: Look("Running", "charging"),
    RolloutState.PAUSED: Look("Paused", "plug-in"),
    RolloutState.HALTED: Look("Halted", "out-of-service"),
    RolloutState.COMPLETED: Look("Completed", "take"),
    RolloutState.ROLLED_BACK: Look("Rolled back", "in-use"),
    RolloutState.CANCELLED: Look("Ended early", "in-use"),
    RolloutState.REJECTED: Look("Rejected", "not-heard-of"),
}
JOBS = {
    JobState.QUEUED: Look("Waiting", "in-use"),
    **{state: Look(state.capitalize(), "charging") for state in AT_WORK},
    JobState.SUCCEEDED: Look("Done", "take"),
    JobState.FAILED: Look("Failed", "out-of-service"),
    JobState.REJECTED: Look("Refused", "out-of-service"),
    JobState.TIMED_OUT: Look("Timed out", "not-heard-of"),
    JobState.ROLLED_BACK: Look("Rolled back", "in-use"),
    JobState.CANCELLED: Look("Called off", "in-use"),
    JobState.MISSED: Look("Missed", "plug-in"),
}
COMMANDS = {
    CommandState.QUEUED: Look("Waiting", "in-use"),
    CommandState.PUBLISHED: Look("Sent", "charging"),
    CommandState.ACKNOWLEDGED: Look("Done", "take"),
    CommandState.EXPIRED: Look("Expired", "not-heard-of"),
    CommandState.FAILED: Look("Failed", "out-of-service"),
}
KINDS = {DeviceKind.MEDICATION_CART: "Carts", DeviceKind.TABLET: "Tablets"}
KIND = {DeviceKind.MEDICATION_CART: "Medication cart", DeviceKind.TABLET: "Tablet"}
ALERTS = {
    AlertKind.OUTAGE: "Outage",
    AlertKind.NEEDS_CHARGING: "Needs charging",
    AlertKind.NEEDS_REPLACEMENT: "Battery needs replacement",
    AlertKind.OFFLINE: "Not heard of",
    AlertKind.APP_FAILED: "Application failed",
    AlertKind.NOT_CHARGING: "Plugged in, not charging",
    AlertKind.NONCOMPLIANT: "Not compliant",
    AlertKind.OVERHEATING: "Battery overheats",
    AlertKind.SWELLING: "Battery may be swollen",
    AlertKind.GAUGE_LIES: "Battery gauge is wrong",
    AlertKind.NO_POWER: "No power in its bay",
    AlertKind.DEAD_OUTLET: "Dead outlets in a bay",
    AlertKind.ROLLOUT_HALTED: "Rollout halted",
}
RELEASES = {
    "ready": Look("Ready", "take"),
    "missing": Look("File missing", "plug-in"),
    "expired": Look("Expired", "out-of-service"),
}
OUTCOMES = {
    Outcome.CHARGED: "was charged",
    Outcome.DIED: "died",
    Outcome.IGNORED: "nobody came",
}


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(
        runtime=runtime,
        age=age,
        at=at,
        clock_time=clock_time,
        iso=iso,
        millis=millis,
        value=value,
        money=money,
        megabytes=megabytes,
        capitalize_first=capitalize_first,
    )
    app.jinja_env.globals.update(
        GROUPS=GROUPS,
        AVAILABILITIES=AVAILABILITIES,
        COMPLIANCE=COMPLIANCE,
        IDENTITIES=IDENTITIES,
        KINDS=KINDS,
        KIND=KIND,
        ALERTS=ALERTS,
        OUTCOMES=OUTCOMES,
        RELEASES=RELEASES,
        DAYS=DAYS,
        ROLLOUTS=ROLLOUTS,
        JOBS=JOBS,
        COMMANDS=COMMANDS,
        now=clock.now,
        timedelta=timedelta,
        zip=zip,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def runtime(minutes: int) -> str:
    """370 -> "6 h 10", 47 -> "45 min": rounded down, because a promise must hold."""
    if minutes < 60:
        return f"{minutes - minutes % 5 if minutes >= 10 else minutes} min"
    hours, rest = divmod(minutes - minutes % 10, 60)
    return f"{hours} h {rest:02d}" if rest else f"{hours} h"


def age(moment: datetime, now: datetime) -> str:
    """How long ago. `assets/js/lib/ages.js` counts on from here in the same words."""
    seconds = max(int((now - moment).total_seconds()), 0)
    if seconds < 100:
        return f"{seconds} s ago"
    if seconds < 100 * 60:
        return f"{seconds // 60} min ago"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h ago"
    return f"{seconds // 86400} days ago"


def at(moment: datetime, timezone: str) -> str:
    """2026-11-24 03:12, in the site's own time."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")


def clock_time(moment: datetime, timezone: str) -> str:
    return moment.astimezone(ZoneInfo(timezone)).strftime("%H:%M")


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def millis(moment: datetime | None) -> int:
    return int(moment.timestamp() * 1000) if moment else 0


def megabytes(length: int) -> str:
    """48234496 -> "48.2 MB", 700 -> "700 bytes"."""
    if length < 1_000:
        return f"{length} bytes"
    unit, size = ("kB", 1_000) if length < 1_000_000 else ("MB", 1_000_000)
    return f"{length / size:.1f} {unit}"


def capitalize_first(words: str) -> str:
    """A sentence of the rules as one of the page: names in it keep their letters."""
    return words[:1].upper() + words[1:]


def value(what: Any) -> str:
    """A setting as people write it."""
    if isinstance(what, bool):
        return "yes" if what else "no"
    if isinstance(what, list):
        return ", ".join(value(part) for part in what) or "—"
    return "—" if what is None else str(what)

"""What an entry of the audit changed, field by field, and what is asked of the audit."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from fleet.store.queries.audit import AuditFilter, Entry


class Change(NamedTuple):
    """None where the field was not there before, or is not any more."""

    name: str
    old: Any
    new: Any


def changes(entry: Entry) -> list[Change]:
    """Fields that are the same before and after are left out."""
    old, new = dict(_leaves(entry.before or {})), dict(_leaves(entry.after or {}))
    names = dict.fromkeys((*old, *new))
    found = (Change(name, old.get(name), new.get(name)) for name in names)
    return [change for change in found if change.old != change.new or not entry.before]


def audit_filter(asked: MultiDict[str, str], timezone: str) -> AuditFilter:
    """`from` and `to` are days at the hospital, both included; what is no day is not asked for."""
    zone = ZoneInfo(timezone)
    return AuditFilter(
        who=asked.get("who", "").strip()[:80] or None,
        what=asked.get("what", "").strip()[:64] or None,
        subject=asked.get("subject", "").strip()[:128] or None,
        since=_midnight(asked.get("from", ""), zone),
        until=_midnight(asked.get("to", ""), zone, days=1),
    )


def _midnight(text: str, zone: ZoneInfo, days: int = 0) -> datetime | None:
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value

"""Every list of the console as a table: its heads, and all its rows by the filter in the address.

Rows are read part by part, each in a transaction of its own that ends before anything is sent: a
slow reader holds nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict

from fleet.access import reach
from fleet.domain.access import Access
from fleet.domain.words import Availability, DeviceKind
from fleet.store.database import db
from fleet.store.queries import alerts, audit, enrolment, firmware, needs, profiles, quarantine
from fleet.store.queries import battery_models as models
from fleet.store.queries import devices as device_list
from fleet.store.queries import rollouts as rollout_list
from fleet.store.queries import shifts as shift_list
from fleet.store.queries import tasks as task_list
from fleet.store.queries import tokens as token_list
from fleet.store.queries.device_rows import device_rows
from fleet.store.queries.overview import availability_tallies
from fleet.store.queries.places import home_timezone
from fleet.web import clock, csv_packs
from fleet.web.audit_changes import audit_filter
from fleet.web.device_filter import device_filter
from fleet.web.task_reach import whose_tasks

AT_ONCE = 1_000
Args = MultiDict[str, str]
Cells = Iterable[object]


class Table(NamedTuple):
    heads: tuple[str, ...]
    rows: Callable[[Args], Iterator[Cells]]


def _pages(find: Callable[[Any], Any], place: str = "before") -> Iterator[Any]:
    """Row by row of all pages. `find(where)` reads one; `place` names where the next begins."""
    where = None
    while True:
        page = find(where)
        rows, where = list(page.rows), getattr(page, place)
        db.session.rollback()
        yield from rows
        if where is None:
            return


def _of(names: Iterable[str]) -> Callable[[Any], Cells]:
    wanted = tuple(names)
    return lambda row: [_cell(getattr(row, name)) for name in wanted]


def _cell(value: Any) -> object:
    """Moments as ISO 8601 in UTC; lists and objects as people write them."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_cell(each)}" for name, each in value.items())
    return value


DEVICE = (
    "asset_tag", "device_id", "kind", "ward", "model", "serial", "availability", "soc_pct",
    "compliance", "identity", "sampled_at", "last_seen_at",
)  # fmt: skip
ALERT = (
    "id", "kind", "state", "asset_tag", "device_id", "ward_name", "site_name", "rollout", "detail",
    "opened_at", "escalated_at", "acknowledged_at", "acknowledged_by", "resolved_at", "outcome",
    "was_right",
)  # fmt: skip
ROLLOUT = (
    "id", "title", "scope", "scope_key", "state", "reason", "devices", "queued", "at_work",
    "succeeded", "failed", "created_at", "created_by", "approved_by", "started_at", "ended_at",
)  # fmt: skip
AUDIT = ("id", "at", "actor", "action", "subject", "before", "after", "hash")
QUARANTINE = ("id", "received_at", "topic", "device_id", "reason", "size_bytes")
TASK = (
    "id", "kind", "wanted", "state", "steps", "done", "refused", "created_at", "created_by",
    "started_at", "ended_at", "ended_by",
)  # fmt: skip
STEP = ("place", "subject", "asset_tag", "state", "words")
TOKEN = ("id", "name", "scopes", "created_at", "created_by", "expires_at", "revoked_at")
RELEASE = (
    "id", "manifest_id", "version", "release_counter", "hardware_ids", "length", "issued_at",
    "expires_at", "added_at", "added_by",
)  # fmt: skip
PROFILE = ("slug", "title", "kinds", "latest")
MODEL = (
    "model", "chemistry", "packs", "price_cents", "currency", "warranty_months", "warranty_cycles",
)  # fmt: skip
WAITING = ("device_id", "asset_tag", "kind", "ward", "used_at")
SHORT = ("slug", "name", "available", "least")


def _devices(args: Args) -> Iterator[Cells]:
    wanted, now = device_filter(args), clock.now()
    after: str | None = None
    while True:
        page = device_list.find_devices(wanted, now, after, AT_ONCE)
        rows = device_rows([row.device_id for row in page.rows], now)
        db.session.rollback()
        yield from map(_of(DEVICE), rows)
        if (after := page.after) is None:
            return


def _alerts(args: Args) -> Iterator[Cells]:
    state, kind = args.get("state") or None, args.get("kind") or None
    seen = reach()
    found = _pages(lambda where: alerts.find_alerts(state, kind, None, where, AT_ONCE, seen))
    return map(_of(ALERT), found)


def _rollouts(args: Args) -> Iterator[Cells]:
    states = [args["state"]] if args.get("state") else ()
    seen = reach()
    found = _pages(lambda where: rollout_list.find_rollouts(states, where, AT_ONCE, seen))
    return map(_of(ROLLOUT), found)


def _audit(args: Args) -> Iterator[Cells]:
    wanted = audit_filter(args, home_timezone())
    found = _pages(lambda where: audit.find_entries(wanted, where, AT_ONCE))
    return map(_of(AUDIT), found)


def _quarantine(args: Args) -> Iterator[Cells]:
    device_id = args.get("device_id") or None
    found = _pages(lambda where: quarantine.find_quarantined(device_id, where, AT_ONCE))
    return map(_of(QUARANTINE), found)


def _tasks(args: Args) -> Iterator[Cells]:
    state, by = args.get("state") or None, whose_tasks()
    return map(_of(TASK), _pages(lambda where: task_list.find_tasks(state, where, AT_ONCE, by)))


def steps(task_id: int, state: str | None) -> Iterator[Cells]:
    """What has become of each step of a task."""
    yield STEP
    find = _pages(lambda where: task_list.steps_of(task_id, state, where, AT_ONCE), "after")
    yield from map(_of(STEP), find)


def _releases(_args: Args) -> Iterator[Cells]:
    return map(_of(RELEASE), _pages(firmware.find_releases))


def _shifts(_args: Args) -> Iterator[Cells]:
    for site in shift_list.shifts(reach(Access.WARD)):
        yield site.name, "", _cell(site.starts), site.timezone
        for ward in site.wards:
            yield site.name, ward.name, _cell(ward.starts), site.timezone


def _short_wards(_args: Args) -> Iterator[Cells]:
    tallies = availability_tallies(clock.now(), reach())
    found = needs.short_wards(tallies, DeviceKind.MEDICATION_CART, Availability.AVAILABLE)
    return map(_of(SHORT), found)


def _all(names: tuple[str, ...], read: Callable[[], Iterable[Any]]) -> Table:
    return Table(names, lambda args: map(_of(names), list(read())))


TABLES: Mapping[str, Table] = {
    "alerts": Table(ALERT, _alerts),
    "audit": Table(AUDIT, _audit),
    "batteries": Table(csv_packs.HEADS, csv_packs.packs),
    "battery_models": _all(MODEL, lambda: models.find_models(limit=AT_ONCE).rows),
    "devices": Table(DEVICE, _devices),
    "enrolment": _all(WAITING, enrolment.waiting),
    "firmware": Table(RELEASE, _releases),
    "profiles": _all(PROFILE, profiles.profile_heads),
    "quarantine": Table(QUARANTINE, _quarantine),
    "rollouts": Table(ROLLOUT, _rollouts),
    "shifts": Table(("site", "ward", "starts", "timezone"), _shifts),
    "short_wards": Table(SHORT, _short_wards),
    "tasks": Table(TASK, _tasks),
    "tokens": _all(TOKEN, token_list.tokens),
}
"""By the name of the page that shows it."""

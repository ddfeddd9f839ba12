"""What the boards show: cards of one ward, or of the whole hospital."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from fleet.domain.access import ALL, Reach
from fleet.domain.battery.endurance import Promise
from fleet.domain.board import Card
from fleet.domain.shifts import end_of_shift
from fleet.domain.words import AlertKind, AlertState, Availability, DeviceKind, Lifecycle
from fleet.store.database import db
from fleet.store.models import (
    Alert,
    CheckOut,
    Device,
    DeviceState,
    FaultReport,
    Site,
    Ward,
    Zone,
)
from fleet.store.queries.whereabouts import within
from fleet.store.site import SHIFT_STARTS


class WardHead(NamedTuple):
    """A ward, and the `revision` that rises with every change of its board."""

    id: int
    slug: str
    name: str
    site: str
    timezone: str
    revision: int
    shift_starts: list[str]

    def shift_end(self, now: datetime) -> datetime | None:
        return end_of_shift(self.shift_starts, self.timezone, now)


_Elsewhere = aliased(Ward)
"""The ward in which the device's zone lies: not always its home ward."""

HEADS = select(
    Ward.id,
    Ward.slug,
    Ward.name,
    Site.name,
    Site.timezone,
    Ward.revision,
    SHIFT_STARTS,
).join(Site)
_REVISION = select(Ward.revision).where(Ward.slug == bindparam("slug"))
_said_twice = and_(
    Alert.device_pk == Device.id,
    Alert.kind == AlertKind.NEEDS_CHARGING,
    Alert.state != AlertState.RESOLVED,
    Alert.escalated_at.is_not(None),
)
_CARDS = (
    select(
        Device.ward_id,
        Device.device_id,
        Device.asset_tag,
        DeviceState.availability,
        DeviceState.reason,
        DeviceState.soc_pct,
        DeviceState.empty_min,
        DeviceState.runtime_min,
        DeviceState.promised_min,
        DeviceState.full_in_min,
        DeviceState.plugged_in,
        DeviceState.charging,
        DeviceState.replacement,
        Alert.opened_at.label("called_since"),
        DeviceState.sampled_at,
        DeviceState.last_seen_at,
        DeviceState.offline_after,
        DeviceState.zone_code,
        DeviceState.hold,
        CheckOut.taken_at,
        CheckOut.due_at,
        FaultReport.reported_at,
        DeviceState.system["idle_s"].as_integer().label("idle_s"),
        Zone.name.label("zone_name"),
        _Elsewhere.id.label("zone_ward_id"),
        _Elsewhere.name.label("zone_ward"),
    )
    .join(DeviceState, DeviceState.device_pk == Device.id)
    .outerjoin(Alert, _said_twice)
    .outerjoin(CheckOut, and_(CheckOut.device_pk == Device.id, CheckOut.ended_at.is_(None)))
    .outerjoin(
        FaultReport, and_(FaultReport.device_pk == Device.id, FaultReport.ended_at.is_(None))
    )
    .outerjoin(Zone, Zone.code == DeviceState.zone_code)
    .outerjoin(_Elsewhere, _Elsewhere.id == Zone.ward_id)
    .where(Device.lifecycle == Lifecycle.ENROLLED)
)

# Made once: to put such a statement together takes as long as to run it.
_OF_ALL: Select[*tuple[Any, ...]] = _CARDS.where(Device.kind == bindparam("kind"))
_OF_WARD = _OF_ALL.where(Device.ward_id == bindparam("ward_id"))
_OF_DEVICE: Select[*tuple[Any, ...]] = _CARDS.where(Device.device_id == bindparam("device_id"))


class _Row(NamedTuple):
    """What `_CARDS` selects, in its order: read by name 20 times for each card, at no cost."""

    ward_id: int
    device_id: str
    asset_tag: str
    availability: str
    reason: str | None
    soc_pct: int | None
    empty_min: int | None
    runtime_min: int | None
    promised_min: int | None
    full_in_min: int | None
    plugged_in: bool | None
    charging: bool
    replacement: str | None
    called_since: datetime | None
    sampled_at: datetime | None
    last_seen_at: datetime | None
    offline_after: datetime | None
    zone_code: str | None
    hold: str | None
    taken_at: datetime | None
    due_at: datetime | None
    reported_at: datetime | None
    idle_s: int | None
    zone_name: str | None
    zone_ward_id: int | None
    zone_ward: str | None


def ward_head(slug: str) -> WardHead | None:
    row = db.session.execute(HEADS.where(Ward.slug == slug)).first()
    return WardHead(*row) if row else None


def ward_revision(slug: str) -> int | None:
    """The cheapest question: has anything on this ward's board changed?"""
    return db.session.connection().scalar(_REVISION, {"slug": slug})


def ward_heads(reach: Reach = ALL) -> list[WardHead]:
    query = HEADS.where(within(Ward.id, reach)).order_by(Site.name, Ward.name)
    return [WardHead(*row) for row in db.session.execute(query)]


def ward_cards(ward_id: int, kind: DeviceKind) -> list[Card]:
    return [card for _, card in _found(_OF_WARD, ward_id=ward_id, kind=kind)]


def hospital_cards(kind: DeviceKind) -> list[tuple[int, Card]]:
    """Every ward's cards, each with its ward's id."""
    return _found(_OF_ALL, kind=kind)


def device_card(device_id: str) -> Card | None:
    return next((card for _, card in _found(_OF_DEVICE, device_id=device_id)), None)


class HospitalRevision(NamedTuple):
    wards: int
    total: int
    """The sum of the wards' revisions: each only ever rises, so the sum tells of any change."""


def hospital_revision() -> HospitalRevision:
    wards, total = db.session.execute(select(func.count(), func.sum(Ward.revision))).one()
    return HospitalRevision(wards, int(total or 0))


def next_deadline(
    cards: Iterable[Card],
    moments: Iterable[datetime | None],
    now: datetime,
    always: Iterable[datetime] = (),
) -> datetime | None:
    """When the board says something else although nobody has spoken.

    The first of the cards counts as not heard of, or is overdue; or one of the `moments` comes, as
    that a shift ends, which matters while any card is heard of. `always`: those that matter anyway.
    """
    cards = list(cards)
    heard = [
        card.offline_after
        for card in cards
        if card.availability != Availability.UNKNOWN and card.offline_after
    ]
    ahead = [moment for moment in heard if moment > now]
    if ahead:
        ahead += [moment for moment in moments if moment and moment > now]
    due = (card.due_at for card in cards)
    ahead += [moment for moment in (*due, *always) if moment and moment > now]
    return min(ahead, default=None)


def _found(query: Select[*tuple[Any, ...]], **values: object) -> list[tuple[int, Card]]:
    # On the connection itself: the session would go through every row once more.
    rows = [_Row(*row) for row in db.session.connection().execute(query, values)]
    return [(row.ward_id, _card(row)) for row in rows]


def _card(row: _Row) -> Card:
    return Card(
        asset_tag=row.asset_tag,
        availability=Availability(row.availability),
        reason=row.reason,
        soc_pct=row.soc_pct,
        promise=Promise(row.empty_min, row.runtime_min, row.promised_min),
        full_in_min=row.full_in_min,
        plugged_in=row.plugged_in,
        charging=row.charging,
        zone=_place(row),
        replacement=row.replacement,
        called_since=row.called_since,
        sampled_at=row.sampled_at,
        last_seen_at=row.last_seen_at,
        offline_after=row.offline_after,
        hold=row.hold,
        held_since=row.taken_at or row.reported_at,
        due_at=row.due_at,
        idle_s=row.idle_s,
        device_id=row.device_id,
    )


def _place(row: _Row) -> str | None:
    """Where the device was last, with the ward's name where it is not its own."""
    if row.zone_name is None:
        return row.zone_code or None
    if row.zone_ward_id == row.ward_id:
        return row.zone_name
    return f"{row.zone_ward}, {row.zone_name}"

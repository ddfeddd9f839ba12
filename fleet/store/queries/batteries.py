"""The list of packs: searched, filtered, in one of three orders, and paged by key.

Packs in their slots, of devices under management. One shows here once its first hour is studied.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, case, func, or_, select, tuple_

from fleet.domain.access import ALL, Reach
from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.dates import date_of, days_until, months_after
from fleet.store.models import BatteryPack, Device, PackModel, PackState, SearchToken, Ward
from fleet.store.queries.search import Keys, begins, devices_having, rarest, words_of
from fleet.store.queries.whereabouts import within

MOST_COUNTED = 1_000

Query = Select[*tuple[Any, ...]]
_SERIAL = func.lower(BatteryPack.serial)


class Order(StrEnum):
    FALLS = "falls"
    """Who falls first, first; who is not known to, last."""
    HEALTH = "health"
    """The weakest first, the unknown last."""
    TAG = "tag"


class Warranty(StrEnum):
    CLAIM = "claim"
    """Falls below its threshold while its warranty holds."""
    HOLDS = "holds"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class PackFilter:
    """What is asked for; None or empty asks for nothing."""

    search: str = ""
    model: str | None = None
    chemistry: str | None = None
    ward: str | None = None
    falls_before: date | None = None
    warranty: Warranty | None = None
    order: Order = Order.FALLS
    reach: Reach = ALL


class PackKey(NamedTuple):
    """A pack's place in an order: what it is ordered by, as text, and its id."""

    value: str | None
    pack_id: int

    @classmethod
    def parse(cls, text: str, order: Order) -> Self | None:
        """None for what is no key of this order."""
        value, mark, number = text.rpartition("~")
        is_number = number.isascii() and number.isdigit() and len(number) < 10
        if not mark or not is_number:
            return None
        try:
            _typed(value, order)
        except ValueError:
            return None
        return cls(value or None, int(number))

    def __str__(self) -> str:
        return f"{self.value or ''}~{self.pack_id}"


class PackRow(NamedTuple):
    id: int
    serial: str
    slot: int
    device_id: str
    asset_tag: str
    ward: str
    ward_name: str
    model: str | None
    chemistry: str | None
    design_mah: int | None
    age_cycles: float | None
    health_pct: float | None
    health_deviation_pct: float | None
    health_source: str | None
    threshold_pct: float | None
    falls_on: date | None
    falls_from: date | None
    falls_until: date | None
    model_known: bool | None
    why: str | None
    warranty_until: date | None
    is_claim: bool
    """Falls within its warranty."""
    price_cents: int | None
    currency: str | None


class PackPage(NamedTuple):
    """`after`: where the next page begins; None at the end."""

    rows: list[PackRow]
    after: PackKey | None


def warranty_until() -> ColumnElement[date | None]:
    """NULL where the model's warranty is not entered."""
    bought = func.coalesce(BatteryPack.bought_on, date_of(BatteryPack.first_seen_at))
    end = months_after(bought, PackModel.warranty_months)
    return case((PackModel.warranty_months.is_not(None), end))


def is_claim(today: date) -> ColumnElement[bool]:
    """It falls before its warranty ends, by date and, where there is such a limit, by cycles, and
    there is still time to say so."""
    days = days_until(PackState.falls_on, today)
    until_then = func.coalesce(PackState.cycles_a_day, 0.0) * case((days > 0, days), else_=0)
    in_cycles = or_(
        PackModel.warranty_cycles.is_(None),
        PackState.age_cycles + until_then <= PackModel.warranty_cycles,
    )
    end = warranty_until()
    return func.coalesce(and_(PackState.falls_on <= end, end >= today, in_cycles), False)


def find_packs(
    wanted: PackFilter, today: date, after: PackKey | None = None, limit: int = 50
) -> PackPage:
    """In its order; those without a value to be ordered by come after all others, by their ids.

    These two parts are asked for one by one, so that each is served by an index.
    """
    conditions = [*in_use(), *_conditions(wanted, today)]
    rows: list[PackRow] = []
    if after is None or after.value is not None:
        rows = _rows(_known(wanted.order, conditions, after).limit(limit + 1), today)
    if len(rows) <= limit and wanted.order != Order.TAG and wanted.falls_before is None:
        rest = after if after is not None and after.value is None else None
        unknown = _unknown(wanted.order, conditions, rest).limit(limit + 1 - len(rows))
        rows += _rows(unknown, today)
    following = _key(rows[limit - 1], wanted.order) if len(rows) > limit else None
    return PackPage(rows[:limit], following)


def count_packs(wanted: PackFilter, today: date) -> int:
    """How many there are, counted no further than MOST_COUNTED + 1."""
    conditions = [*in_use(), *_conditions(wanted, today)]
    some = joined(select(PackState.pack_id)).where(*conditions).limit(MOST_COUNTED + 1)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def joined(query: Query) -> Query:
    """A statement about packs, with their devices and what purchasing knows of their models."""
    return (
        query.select_from(PackState)
        .join(BatteryPack, BatteryPack.id == PackState.pack_id)
        .join(Device, Device.id == BatteryPack.device_pk)
        .outerjoin(PackModel, PackModel.model == BatteryPack.model)
    )


def in_use() -> tuple[ColumnElement[bool], ...]:
    """Packs in their slots, in devices under management."""
    return (PackState.removed_at.is_(None), Device.lifecycle == Lifecycle.ENROLLED)


def _known(order: Order, conditions: list[ColumnElement[bool]], after: PackKey | None) -> Query:
    column = _column(order)
    query = select(PackState.pack_id).where(*conditions, column.is_not(None))
    if after is not None and after.value is not None:
        value = _typed(after.value, order)
        place = tuple_(column, PackState.pack_id)
        # The first says nothing more, but is what an index of one table serves.
        query = query.where(column >= value, place > tuple_(value, after.pack_id))
    return query.order_by(column, PackState.pack_id)


def _unknown(order: Order, conditions: list[ColumnElement[bool]], after: PackKey | None) -> Query:
    column = _column(order)
    query = select(PackState.pack_id).where(*conditions, column.is_(None))
    if after is not None:
        query = query.where(PackState.pack_id > after.pack_id)
    return query.order_by(column, PackState.pack_id)


def _column(order: Order) -> Any:
    return {
        Order.FALLS: PackState.falls_on,
        Order.HEALTH: PackState.health_pct,
        Order.TAG: Device.asset_tag,
    }[order]


def _typed(value: str, order: Order) -> Any:
    """Raises ValueError."""
    read: dict[Order, Any] = {Order.FALLS: date.fromisoformat, Order.HEALTH: float, Order.TAG: str}
    return read[order](value) if value else None


def _key(row: PackRow, order: Order) -> PackKey:
    value = {Order.FALLS: row.falls_on, Order.HEALTH: row.health_pct, Order.TAG: row.asset_tag}
    found = value[order]
    return PackKey(None if found is None else str(found), row.id)


def _rows(query: Query, today: date) -> list[PackRow]:
    """`query` finds the packs and their order; here comes what is shown of them."""
    shown = (
        joined(query)
        .join(Ward, Ward.id == Device.ward_id)
        .add_columns(
            BatteryPack.serial,
            BatteryPack.slot,
            Device.device_id,
            Device.asset_tag,
            Ward.slug,
            Ward.name,
            BatteryPack.model,
            BatteryPack.chemistry,
            BatteryPack.design_mah,
            PackState.age_cycles,
            PackState.health_pct,
            PackState.health_deviation_pct,
            PackState.health_source,
            PackState.threshold_pct,
            PackState.falls_on,
            PackState.falls_from,
            PackState.falls_until,
            PackState.model_known,
            PackState.why,
            warranty_until(),
            is_claim(today),
            PackModel.price_cents,
            PackModel.currency,
        )
    )
    return [PackRow(*row) for row in db.session.execute(shown)]


def _conditions(wanted: PackFilter, today: date) -> list[ColumnElement[bool]]:
    conditions = [within(Device.ward_id, wanted.reach)]
    if wanted.model:
        conditions.append(BatteryPack.model == wanted.model)
    if wanted.chemistry:
        conditions.append(BatteryPack.chemistry == wanted.chemistry)
    if wanted.ward:
        conditions.append(Device.ward_id == _ward_id(wanted.ward))
    if wanted.falls_before:
        conditions.append(PackState.falls_on < wanted.falls_before)
    if wanted.warranty:
        conditions.append(_warranty(wanted.warranty, today))
    conditions += [_having(word) for word in words_of(wanted.search)]
    keys = rarest(_candidates(wanted))
    if keys is not None:
        conditions.append(PackState.pack_id.in_(keys))
    return conditions


def _warranty(asked: Warranty, today: date) -> ColumnElement[bool]:
    return {
        Warranty.CLAIM: is_claim(today),
        Warranty.HOLDS: warranty_until() >= today,
        Warranty.ENDED: warranty_until() < today,
    }[asked]


def _having(word: str) -> ColumnElement[bool]:
    of_device = devices_having(word).where(SearchToken.device_pk == Device.id)
    return or_(begins(_SERIAL, word), of_device.exists())


def _ward_id(slug: str) -> ScalarSelect[int]:
    return select(Ward.id).where(Ward.slug == slug).scalar_subquery()


def _candidates(wanted: PackFilter) -> list[Keys]:
    """For each condition that an index serves: the keys of all packs that may meet it."""
    packs = select(BatteryPack.id)
    found: list[Keys] = []
    if wanted.model:
        found.append(packs.where(BatteryPack.model == wanted.model))
    if wanted.ward:
        found.append(packs.join(Device).where(Device.ward_id == _ward_id(wanted.ward)))
    if wanted.falls_before:
        falling = select(PackState.pack_id).where(PackState.removed_at.is_(None))
        found.append(falling.where(PackState.falls_on < wanted.falls_before))
    for word in words_of(wanted.search):
        of_devices = packs.where(BatteryPack.device_pk.in_(devices_having(word)))
        found.append(packs.where(begins(_SERIAL, word)).union(of_devices))
    return found

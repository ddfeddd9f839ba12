"""One pack with all that is known of it, and the packs that were in its slot before and after."""

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from fleet.store.database import db
from fleet.store.models import BatteryPack, Device, PackModel, PackState, Site, Ward
from fleet.store.queries.batteries import is_claim, warranty_until


class SlotPack(NamedTuple):
    """A pack that is, or was, in a slot of a device."""

    id: int
    slot: int
    serial: str
    model: str | None
    chemistry: str | None
    design_mah: int | None
    first_seen_at: datetime
    removed_at: datetime | None
    age_cycles: float | None
    health_pct: float | None


def pack_by_id(pack_id: int, today: date) -> Row[*tuple[Any, ...]] | None:
    """What is learned of it is None until its first readings are studied."""
    state = [column for column in PackState.__table__.c if column.name != "pack_id"]
    query = (
        select(
            BatteryPack.id,
            BatteryPack.device_pk,
            BatteryPack.slot,
            BatteryPack.serial,
            BatteryPack.generation,
            BatteryPack.model,
            BatteryPack.chemistry,
            BatteryPack.design_mah,
            BatteryPack.first_seen_at,
            BatteryPack.bought_on,
            Device.device_id,
            Device.asset_tag,
            Ward.slug.label("ward"),
            Ward.name.label("ward_name"),
            Site.timezone,
            PackModel.price_cents,
            PackModel.currency,
            PackModel.warranty_months,
            PackModel.warranty_cycles,
            PackModel.lead_time_weeks,
            warranty_until().label("warranty_until"),
            is_claim(today).label("is_claim"),
            *state,
        )
        .join(Device, Device.id == BatteryPack.device_pk)
        .join(Ward, Ward.id == Device.ward_id)
        .join(Site, Site.id == Ward.site_id)
        .outerjoin(PackState, PackState.pack_id == BatteryPack.id)
        .outerjoin(PackModel, PackModel.model == BatteryPack.model)
        .where(BatteryPack.id == pack_id)
    )
    return db.session.execute(query).first()


def packs_of(device_pk: int, slot: int | None = None, limit: int = 20) -> list[SlotPack]:
    """The newest first; of one slot, or of the whole device."""
    query = (
        select(
            BatteryPack.id,
            BatteryPack.slot,
            BatteryPack.serial,
            BatteryPack.model,
            BatteryPack.chemistry,
            BatteryPack.design_mah,
            BatteryPack.first_seen_at,
            PackState.removed_at,
            PackState.age_cycles,
        )
        .add_columns(PackState.health_pct)
        .outerjoin(PackState, PackState.pack_id == BatteryPack.id)
        .where(BatteryPack.device_pk == device_pk)
        .order_by(BatteryPack.first_seen_at.desc(), BatteryPack.id.desc())
        .limit(limit)
    )
    if slot is not None:
        query = query.where(BatteryPack.slot == slot)
    return [SlotPack(*row) for row in db.session.execute(query)]

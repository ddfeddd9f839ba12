"""The models of packs in the fleet, and what purchasing knows of each."""

from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import BatteryPack, Device, PackModel


class ModelRow(NamedTuple):
    """`version` 0: nobody has entered anything of it yet."""

    model: str
    chemistry: str | None
    packs: int
    price_cents: int | None
    currency: str | None
    warranty_months: int | None
    warranty_cycles: int | None
    lead_time_weeks: int | None
    threshold_pct: int | None
    version: int


class ModelPage(NamedTuple):
    rows: list[ModelRow]
    after: str | None


def find_models(after: str | None = None, limit: int = 100) -> ModelPage:
    """By name: every model that a pack was heard of with."""
    query = _models().order_by(BatteryPack.model).limit(limit + 1)
    if after is not None:
        query = query.where(BatteryPack.model > after)
    rows = [ModelRow(*row) for row in db.session.execute(query)]
    return ModelPage(rows[:limit], rows[limit - 1].model if len(rows) > limit else None)


def model_by_name(model: str) -> ModelRow | None:
    row = db.session.execute(_models().where(BatteryPack.model == model)).first()
    return ModelRow(*row) if row else None


def model_names() -> list[str]:
    query = select(BatteryPack.model).where(BatteryPack.model.is_not(None)).distinct()
    return [name for name in db.session.scalars(query.order_by(BatteryPack.model)) if name]


def _models() -> Select[*tuple[Any, ...]]:
    enrolled = func.count().filter(Device.lifecycle == Lifecycle.ENROLLED)
    return (
        select(
            BatteryPack.model,
            func.max(BatteryPack.chemistry),
            enrolled,
            PackModel.price_cents,
            PackModel.currency,
            PackModel.warranty_months,
            PackModel.warranty_cycles,
            PackModel.lead_time_weeks,
            PackModel.threshold_pct,
            func.coalesce(PackModel.version, 0),
        )
        .join(Device, Device.id == BatteryPack.device_pk)
        .outerjoin(PackModel, PackModel.model == BatteryPack.model)
        .where(BatteryPack.model.is_not(None))
        .group_by(BatteryPack.model, PackModel.id)
    )

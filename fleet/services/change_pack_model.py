"""What purchasing knows of a model of pack is entered or changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.errors import Invalid, NotFound, StaleVersion
from fleet.store.battery import PackModel
from fleet.store.database import transaction
from fleet.store.device import BatteryPack

RANGES = {
    "price_cents": (0, 1_000_000_00),
    "warranty_months": (0, 240),
    "warranty_cycles": (0, 100_000),
    "lead_time_weeks": (0, 104),
    "threshold_pct": (30, 95),
}
"""Least and most of each, in its unit; None for what is not known."""
FIELDS = (*RANGES, "currency")

Facts = dict[str, Any]


def change_pack_model(
    model: str,
    facts: Mapping[str, Any],
    actor: str,
    now: datetime,
    expected_version: int | None = None,
) -> None:
    """`facts`: all of FIELDS; what is left out is not known any more.

    `expected_version` 0: only if nobody has entered any yet. Raises Invalid, StaleVersion, and
    NotFound for a model that no pack was heard of with.
    """
    after = {name: facts.get(name) for name in FIELDS}
    _check({**facts, **after})
    with transaction() as session:
        known = select(func.max(BatteryPack.chemistry)).where(BatteryPack.model == model)
        chemistry = session.execute(known.group_by(BatteryPack.model)).first()
        if chemistry is None:
            raise NotFound(f"no pack of a model {model} was heard of")
        row = session.scalar(select(PackModel).where(PackModel.model == model).with_for_update())
        if expected_version not in (None, row.version if row else 0):
            raise StaleVersion(f"{model} has changed since it was read")
        before = {name: getattr(row, name) for name in FIELDS} if row else None
        if after == before:
            return
        _write(session, model, {**after, "chemistry": chemistry[0]}, row)
        subject = f"battery-model/{model}"
        audit.record(session, actor, "battery_model.change", subject, now, before, after)


def _write(session: Session, model: str, values: Facts, row: PackModel | None) -> None:
    """Of two who enter a new model at once, the database lets one have it."""
    if row is None:
        session.execute(insert(PackModel).values(model=model, version=1, **values))
        return
    changed = update(PackModel).where(PackModel.id == row.id)
    session.execute(changed.values(version=row.version + 1, **values))


def _check(facts: Mapping[str, Any]) -> None:
    """Raises Invalid, naming each field."""
    problems = {name: "cannot be set" for name in facts if name not in FIELDS}
    for name, (least, most) in RANGES.items():
        value = facts[name]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_whole and least <= value <= most):
            problems[name] = f"a whole number from {least} to {most}"
    currency = facts["currency"]
    if currency is not None and not _is_currency(currency):
        problems["currency"] = "three capital letters, as in EUR (ISO 4217)"
    elif currency is None and facts["price_cents"] is not None:
        problems["currency"] = "a price needs one, like EUR (ISO 4217)"
    if problems:
        raise Invalid(problems)


def _is_currency(text: Any) -> bool:
    letters = isinstance(text, str) and len(text) == 3 and text.isascii() and text.isalpha()
    return letters and text.isupper()

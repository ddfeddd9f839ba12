"""Packs as far as they are learned: what the night's jobs leave behind, without the nights."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import select

from fleet.domain.battery.wear import Wear
from fleet.store.database import transaction
from fleet.store.models import BatteryPack, Device, PackModel, PackState
from fleet.store.packed import wear_blobs

DESIGN_MAH = 40_000


@dataclass(frozen=True, slots=True)
class Worn:
    """A pack that came new and has lost health in a straight line; percent of design."""

    device_id: str
    serial: str = ""
    slot: int = 0
    model: str | None = "LFP-40"
    chemistry: str | None = "LiFePO4"
    health_pct: float | None = 82.0
    deviation_pct: float = 1.2
    age_cycles: float = 600.0
    cycles_a_day: float = 0.9
    threshold_pct: float = 70.0
    falls_in_days: int | None = None
    """None: it is not known."""
    give_or_take_days: int = 20
    model_known: bool = True
    heard_days_ago: int = 700
    removed_days_ago: int | None = None
    bought_on: date | None = None
    source: str = "counted"
    reason: str | None = "no swing from full to the cut-off"
    why: str | None = None


def put_in(packs: list[Worn], now: datetime) -> list[int]:
    """Into their devices; a pack that its device has told of already is taken as it is."""
    with transaction() as session:
        ids = []
        for worn in packs:
            device_pk = session.scalars(
                select(Device.id).where(Device.device_id == worn.device_id)
            ).one()
            pack = session.scalar(
                select(BatteryPack).where(
                    BatteryPack.device_pk == device_pk,
                    BatteryPack.slot == worn.slot,
                    BatteryPack.serial == worn.serial,
                )
            ) or BatteryPack(device_pk=device_pk, slot=worn.slot, serial=worn.serial)
            pack.model, pack.chemistry, pack.design_mah = worn.model, worn.chemistry, DESIGN_MAH
            pack.first_seen_at = now - timedelta(days=worn.heard_days_ago)
            pack.bought_on = worn.bought_on
            session.add(pack)
            session.flush()
            session.add(_state(worn, pack.id, now))
            ids.append(pack.id)
        return ids


def know(model: str, **facts: object) -> None:
    """What purchasing would have entered of it."""
    with transaction() as session:
        session.add(PackModel(model=model, version=1, **facts))


def _state(worn: Worn, pack_id: int, now: datetime) -> PackState:
    health = worn.health_pct
    day = None if worn.falls_in_days is None else now.date() + timedelta(days=worn.falls_in_days)
    spread = timedelta(days=worn.give_or_take_days)
    gone = worn.removed_days_ago
    return PackState(
        pack_id=pack_id,
        studied_since=now - timedelta(days=worn.heard_days_ago),
        studied_to=now - timedelta(hours=1),
        removed_at=None if gone is None else now - timedelta(days=gone),
        age_cycles=worn.age_cycles,
        cycles_a_day=worn.cycles_a_day,
        wear=_wear(worn),
        learned_mah=None if health is None else DESIGN_MAH * health / 100,
        health_pct=health,
        health_deviation_pct=None if health is None else worn.deviation_pct,
        health_source=None if health is None else worn.source,
        health_reason=worn.reason,
        threshold_pct=worn.threshold_pct,
        falls_on=day,
        falls_from=day and day - spread,
        falls_until=day and day + spread,
        model_known=worn.model_known,
        why=worn.why or _why(worn, day),
        forecast_at=now,
    )


def _why(worn: Worn, day: date | None) -> str:
    if day is None or worn.health_pct is None:
        return "not enough data yet: needs about 12 more days"
    lost = f"lost {100 - worn.health_pct:.0f} % in {worn.age_cycles:.0f} cycles"
    return f"{lost}; {worn.threshold_pct:.0f} % by {day:%B %Y}"


def _wear(worn: Worn) -> bytes:
    """A reading of health every other cycle, a little off the line, and a long silence."""
    if worn.health_pct is None:
        return b""
    cycles = np.arange(1.0, worn.age_cycles, 2.0)
    cycles = cycles[(cycles < 0.45 * worn.age_cycles) | (cycles > 0.6 * worn.age_cycles)]
    line = 1.0 - (1.0 - worn.health_pct / 100) * (cycles / worn.age_cycles) ** 1.4
    health = line + np.random.default_rng(7).normal(0, worn.deviation_pct / 200, len(line))
    return wear_blobs(Wear.of_histories([(cycles, health)]))[0]

"""Packs whose past is known from elsewhere enter with it, as if they had always been studied."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from fleet.domain.battery.learning import of_gauge
from fleet.domain.battery.wear import Wear
from fleet.domain.words import Chemistry
from fleet.store.battery import PackState
from fleet.store.database import transaction
from fleet.store.device import BatteryPack, Device
from fleet.store.packed import wear_blobs


@dataclass(frozen=True, slots=True)
class KnownPack:
    """`cycles` and `health`, (readings,): equivalent full cycles since it was new, and fraction of
    design capacity, as its gauge told them; in the order of time."""

    device_id: str
    serial: str
    model: str
    chemistry: Chemistry
    design_mah: int
    cycles_a_day: float
    cycles: NDArray[np.float64]
    health: NDArray[np.float64]


def enter_known_packs(packs: Sequence[KnownPack], now: datetime) -> None:
    """Into the first slot of their devices, which have told of no pack yet."""
    blobs = wear_blobs(Wear.of_histories([(pack.cycles, pack.health) for pack in packs]))
    with transaction() as session:
        keys = {
            row.device_id: row.id for row in session.execute(select(Device.device_id, Device.id))
        }
        for pack, blob in zip(packs, blobs, strict=True):
            age = float(pack.cycles[-1])
            new_at = now - timedelta(days=age / pack.cycles_a_day)
            row = BatteryPack(
                device_pk=keys[pack.device_id], slot=0, serial=pack.serial, model=pack.model,
                chemistry=pack.chemistry, design_mah=pack.design_mah, first_seen_at=new_at,
            )  # fmt: skip
            session.add(row)
            session.flush()
            told = of_gauge(
                float(pack.health[-1]) * pack.design_mah, pack.design_mah, "no swing of 35 % yet"
            )
            session.add(
                PackState(
                    pack_id=row.id, studied_since=new_at, studied_to=now, worn_at=now, wear=blob,
                    age_cycles=age, cycles_a_day=pack.cycles_a_day, health_pct=told.pct,
                    health_deviation_pct=told.deviation_pct, health_source=told.source,
                    health_reason=told.reason,
                )
            )  # fmt: skip

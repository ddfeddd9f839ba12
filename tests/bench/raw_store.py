"""The raw store ceiling: ingest's own bulk statements alone, rows made beforehand, one connection.

Run as a process of its own by `tests.bench.ingest`; prints the readings a second it committed.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from fleet import create_worker
from fleet.config import Settings
from fleet.domain.condition import Condition
from fleet.ingest.evaluate import _MOVE_ON
from fleet.ingest.record import _APPEND, _COLUMNS
from fleet.store.database import transaction
from fleet.wire.messages import Battery
from tests.bench.load import SEQ_EVERY_NS

BATCH = 1_000
BATTERY = Battery(
    serial="PACK-1", chemistry="LiFePO4", soc_pct=60, remaining_mah=39_600, full_charge_mah=40_000,
    design_mah=40_000, current_ma=-2_000, cycle_count=100, status="discharging",
    power_source="none",
)  # fmt: skip
MEASURED = ("soc_pct", "status", "power_source", "current_ma", "cycle_count", "remaining_mah",
            "full_charge_mah")  # fmt: skip


def store(devices: int, seconds: float) -> float:
    """Readings and states of the devices in turn, in batches, until the time is up."""
    seq, done, device = time.time_ns() // SEQ_EVERY_NS, 0, 0
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        now = datetime.now(UTC)
        numbers = [(device + n) % devices + 1 for n in range(BATCH)]
        device += BATCH
        with transaction() as session:
            _APPEND.run(session, [_reading(pk, seq, now) for pk in numbers])
            _MOVE_ON.run(session, [_state(pk, seq, now) for pk in numbers])
        seq += 1
        done += BATCH
    return done / (time.monotonic() - begin)


def _reading(pk: int, seq: int, now: datetime) -> tuple[Any, ...]:
    said = {"device_pk": pk, "boot": 1, "seq": seq, "slot": 0, "sampled_at": now,
            "received_at": now} | {name: getattr(BATTERY, name) for name in MEASURED}  # fmt: skip
    return tuple(said.get(name) for name in _COLUMNS)


def _state(pk: int, seq: int, now: datetime) -> tuple[Any, ...]:
    condition = Condition(soc_pct=60, load_ma=2_000.0, runtime_min=1_000, sampled_at=now)
    until = now + timedelta(seconds=90)
    return (pk, 1, seq, True, now, until, True, "zone-1", [BATTERY], [], {}, *condition)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args()
    with create_worker(Settings.from_env()).app_context():
        print(store(asked.devices, asked.seconds))


if __name__ == "__main__":
    main()

"""Hourly and daily rollups: right whatever comes late, twice or with a wrong clock."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from fleet.domain.age import moment_in_history
from fleet.domain.retention import Kept
from fleet.ingest.pipeline import process
from fleet.services.retention import forget_old
from fleet.services.rollups import roll_up
from fleet.store.database import db, transaction
from fleet.store.models import (
    DailyRollup,
    DeviceState,
    HourlyRollup,
    Reading,
    RollupDue,
    RollupProgress,
)
from fleet.store.rollup import DAY, day_of, hour_of
from tests.support.hospital import build_hospital, message, reading, say, telemetry

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
EVENING = datetime(2026, 11, 23, 22, tzinfo=UTC)
"""Two hours before midnight, so that a few hours touch two days."""


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital(now=EVENING)
        open_from(EVENING)
        yield


def open_from(hour: datetime) -> None:
    """As if rollups had begun at that hour."""
    with transaction() as session:
        session.execute(update(RollupProgress).values(open_hour=hour, swept_to=None))


def rolled(model: type[HourlyRollup] | type[DailyRollup]) -> dict[Any, dict[str, Any]]:
    """By (device, start, slot)."""
    db.session.rollback()
    rows = db.session.execute(select(model.__table__)).mappings()
    return {(row["device_pk"], row["start"], row["slot"]): dict(row) for row in rows}


def from_history(start_of: Callable[[datetime], datetime]) -> dict[Any, dict[str, Any]]:
    """The same computed at once, in Python, from every reading that there is."""
    db.session.rollback()
    groups: dict[Any, list[Any]] = defaultdict(list)
    for row in db.session.execute(select(Reading.__table__)):
        moment = moment_in_history(row.sampled_at, row.received_at)
        if row.soc_pct is not None:
            key = row.device_pk, start_of(moment), row.slot
            groups[key].append((moment, row.soc_pct, row))
    return {key: summed(key, [member[-1] for member in sorted(group, key=lambda m: m[:2])])
            for key, group in groups.items()}  # fmt: skip


def summed(key: tuple[int, datetime, int], rows: Sequence[Any]) -> dict[str, Any]:
    charges = [row.soc_pct for row in rows]
    currents = [row.current_ma for row in rows if row.current_ma is not None]
    return {
        "device_pk": key[0],
        "start": key[1],
        "slot": key[2],
        "readings": len(rows),
        "current_readings": len(currents),
        "charging_readings": sum(row.status == "charging" for row in rows),
        "discharge_ma_sum": sum(-current for current in currents if current < 0),
        "charge_ma_sum": sum(current for current in currents if current > 0),
        "soc_pct_sum": sum(charges),
        "soc_pct_min": min(charges),
        "soc_pct_max": max(charges),
        "soc_pct_first": charges[0],
        "soc_pct_last": charges[-1],
        **{name: most(getattr(row, column) for row in rows) for name, column in MOST.items()},
    }


MOST = {
    "temp_c_max": "temp_c",
    "pack_id": "pack_id",
    "cycle_count": "cycle_count",
    "full_charge_mah": "full_charge_mah",
}


def most(values: Iterator[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


def test_an_hour_is_rolled_up_once_it_is_over_and_its_day_with_it() -> None:
    say("telemetry", telemetry(reading(1, 80, EVENING)), EVENING)
    roll_up(EVENING + HOUR - MINUTE)
    assert rolled(HourlyRollup) == {}
    roll_up(EVENING + HOUR)
    assert list(rolled(HourlyRollup)) == [(1, EVENING, 0)]
    assert list(rolled(DailyRollup)) == [(1, day_of(EVENING), 0)]


def test_a_rollup_tells_what_its_readings_come_to() -> None:
    charging = {"status": "charging", "current_ma": 8_000, "temp_c": 31.5, "cycle_count": 101}
    silent = {"current_ma": None, "temp_c": -3.5}
    said = [
        reading(3, 40, EVENING + 30 * MINUTE, battery=charging),
        reading(1, 60, EVENING),
        reading(2, 20, EVENING + 15 * MINUTE, battery=silent),
        {"seq": 4, "ts": (EVENING + 40 * MINUTE).isoformat()},
    ]
    say("telemetry", telemetry(*said), EVENING + 45 * MINUTE)
    roll_up(EVENING + HOUR)
    (found,) = rolled(HourlyRollup).values()
    pack = db.session.scalar(select(Reading.pack_id).limit(1))
    assert found == {
        "device_pk": 1, "start": EVENING, "slot": 0, "readings": 3, "current_readings": 2,
        "charging_readings": 1, "discharge_ma_sum": 2_000, "charge_ma_sum": 8_000,
        "soc_pct_sum": 120, "soc_pct_min": 20, "soc_pct_max": 60, "soc_pct_first": 60,
        "soc_pct_last": 40, "temp_c_max": 31.5, "pack_id": pack, "cycle_count": 101,
        "full_charge_mah": 40_000,
    }  # fmt: skip


def test_a_late_reading_repairs_its_hour_and_its_day_and_nothing_else() -> None:
    for number in range(4):
        at = EVENING + number * HOUR
        say("telemetry", telemetry(reading(10 + number, 50, at)), at)
    now = EVENING + 4 * HOUR
    roll_up(now)
    before = rolled(HourlyRollup)
    say("telemetry", telemetry(reading(1, 90, EVENING + 5 * MINUTE)), now)
    assert [tuple(row) for row in db.session.execute(select(RollupDue.device_pk))] == [(1,)]
    assert roll_up(now) == 1
    after = rolled(HourlyRollup)
    assert {key for key in after if after[key] != before[key]} == {(1, EVENING, 0)}
    assert after == from_history(hour_of)
    assert rolled(DailyRollup) == from_history(day_of)
    assert roll_up(now) == 0


@pytest.mark.parametrize("year", [1970, 2019, 2099])
def test_a_wrong_clock_makes_no_rollup_in_another_age(year: int) -> None:
    say("telemetry", telemetry(reading(1, 50, EVENING.replace(year=year))), EVENING)
    roll_up(EVENING + HOUR)
    assert list(rolled(HourlyRollup)) == [(1, EVENING, 0)]
    late = EVENING + 10 * MINUTE
    process([message("telemetry", telemetry(reading(2, 50, late.replace(year=year))), late)],
            EVENING + 3 * HOUR)  # fmt: skip
    roll_up(EVENING + 3 * HOUR)
    assert rolled(HourlyRollup)[1, EVENING, 0]["readings"] == 2
    assert rolled(HourlyRollup) == from_history(hour_of)


def test_what_retention_has_left_of_an_hour_does_not_replace_it() -> None:
    for minute in range(10):
        at = EVENING + minute * MINUTE
        say("telemetry", telemetry(reading(minute, 50, at)), at)
    roll_up(EVENING + HOUR)
    with transaction() as session:
        session.execute(delete(Reading).where(Reading.seq < 9))
    say("telemetry", telemetry(reading(20, 5, EVENING + 20 * MINUTE)), EVENING + 2 * HOUR)
    roll_up(EVENING + 2 * HOUR)
    assert rolled(HourlyRollup)[1, EVENING, 0]["soc_pct_sum"] == 500
    assert rolled(DailyRollup)[1, day_of(EVENING), 0]["readings"] == 10


def test_after_a_long_standstill_every_hour_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.services.rollups.AT_ONCE", 1)
    for number in range(5):
        for device in ("cart-001", "cart-002"):
            at = EVENING + number * HOUR
            say("telemetry", telemetry(reading(number, 50, at)), at, device)
    roll_up(EVENING + 5 * HOUR)
    assert len(rolled(HourlyRollup)) == 10
    assert rolled(HourlyRollup) == from_history(hour_of)
    assert rolled(DailyRollup) == from_history(day_of)


def test_hours_closed_by_a_clock_that_was_put_ahead_open_again_once_it_is_put_back() -> None:
    """Else every reading would be marked as late until the true time gets there."""
    say("telemetry", telemetry(reading(1, at=EVENING)), EVENING)
    while roll_up(EVENING + 50 * HOUR):
        pass
    roll_up(EVENING + MINUTE)
    say("telemetry", telemetry(reading(2, at=EVENING + MINUTE)), EVENING + MINUTE)
    db.session.rollback()
    assert db.session.scalars(select(RollupDue)).all() == []
    roll_up(EVENING + HOUR)
    assert rolled(HourlyRollup) == from_history(hour_of)


def test_a_reading_older_than_retention_is_acked_counted_and_kept_no_longer() -> None:
    """Ten days late where readings are kept for a day: its hour's rollup is what stays of it."""
    now = EVENING + 10 * DAY
    roll_up(now)
    [ack] = process([message("telemetry", telemetry(reading(1, at=EVENING)), now)], now).values()
    assert ack.seqs == {1}
    roll_up(now)
    forget_old({**dict.fromkeys(Kept, timedelta(20_000)), Kept.READINGS: DAY}, now)
    db.session.rollback()
    assert db.session.scalars(select(Reading)).all() == []
    assert [row["readings"] for row in rolled(HourlyRollup).values()] == [1]
    # Sent once more, since its ack was lost: there for an hour, and counted no second time.
    process([message("telemetry", telemetry(reading(1, at=EVENING)), now)], now)
    roll_up(now)
    assert [row["readings"] for row in rolled(HourlyRollup).values()] == [1]


def test_a_run_stops_after_so_many_steps_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet.services.rollups.STEPS_A_RUN", 3)
    at = EVENING + 2 * HOUR
    say("telemetry", telemetry(reading(1, 50, at)), at)
    assert [roll_up(EVENING + 3 * HOUR) for _ in range(3)] == [3, 3, 0]
    assert rolled(HourlyRollup) == from_history(hour_of)


Sampled = tuple[int, int, int, int | None]
"""Device, minute after the evening's beginning, charge, current."""
arrivals = st.lists(
    st.lists(
        st.tuples(
            st.integers(1, 2),
            st.integers(0, 5 * 60 - 1),
            st.integers(0, 100),
            st.sampled_from([None, -2_000, 0, 8_000]),
        ),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=6,
)


@given(arrivals=arrivals, chance=st.randoms(use_true_random=False))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_whatever_order_readings_come_the_rollups_are_those_of_the_whole_history(
    arrivals: list[list[Sampled]], chance: Any
) -> None:
    """Shuffled, late, twice, with rollups made in between: as if all had been there at once."""
    forget_everything()
    now = EVENING + HOUR
    for number, batch in enumerate(arrivals):
        said = [
            message(
                "telemetry",
                telemetry(reading(place, soc, EVENING + minute * MINUTE,
                                  battery={"current_ma": current}), boot=number + 1),
                now,
                f"cart-{device:03d}",
            )
            for place, (device, minute, soc, current) in enumerate(batch)
        ]  # fmt: skip
        process(said, now)
        now += chance.choice([timedelta(), HOUR])
        if chance.random() < 0.5:
            roll_up(now)
        if chance.random() < 0.5:
            process(said, now)
    roll_up(now + 6 * HOUR)
    assert rolled(HourlyRollup) == from_history(hour_of)
    assert rolled(DailyRollup) == from_history(day_of)


def forget_everything() -> None:
    with transaction() as session:
        for model in (Reading, HourlyRollup, DailyRollup, RollupDue):
            session.execute(delete(model))
        session.execute(update(DeviceState).values(boot=-1, seq=-1))
    open_from(EVENING)

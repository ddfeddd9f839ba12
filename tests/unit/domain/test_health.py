"""When the service is well, and what it says where it is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.domain.health import Sign, is_alive, nearly_full, problems

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GB = 10**9


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def ingest(seconds_ago: float = 1, **said: Any) -> Sign:
    return Sign("ingest", f"i-{seconds_ago}", ago(seconds_ago), **{"broker_connected": True} | said)


def schedule(seconds_ago: float = 1) -> Sign:
    return Sign("schedule", "s", ago(seconds_ago), broker_connected=True)


LATELY = ago(3)


def named(*signs: Sign, round_trip_at: datetime | None = LATELY) -> set[str]:
    """The checks that are not as they should be."""
    found = problems(signs, round_trip_at, NOW)
    return {name for name, problem in found.items() if problem}


def test_with_fresh_signs_of_everything_all_is_well() -> None:
    assert named(ingest(), schedule()) == set()


def test_whoever_is_silent_is_named() -> None:
    assert named(schedule()) == {"ingest", "broker"}
    assert named(ingest(21), schedule()) == {"ingest", "broker"}
    assert named(ingest(), schedule(21)) == {"schedule"}
    assert named(ingest(19), schedule(19)) == set()


def test_of_several_one_that_lives_is_enough() -> None:
    assert named(ingest(900), ingest(1), schedule(900), schedule(1)) == set()


def test_a_lost_broker_is_named_unless_another_ingest_has_it() -> None:
    assert named(ingest(broker_connected=False), schedule()) == {"broker"}
    assert named(ingest(broker_connected=False), ingest(2), schedule()) == set()


def test_what_a_silent_process_said_last_counts_no_more() -> None:
    gone = ingest(60, broker_connected=True, lag=timedelta(hours=1), problem="disk full")
    assert named(gone, schedule()) == {"ingest", "broker"}


def test_the_one_that_is_furthest_behind_counts() -> None:
    fine = ingest(lag=timedelta(seconds=30))
    assert named(fine, schedule()) == set()
    late = ingest(2, lag=timedelta(seconds=31))
    assert named(fine, late, schedule()) == {"lag"}
    said = problems([fine, late], LATELY, NOW)["lag"]
    assert said
    assert "31 s ago" in said


def test_an_ingest_whose_writes_are_refused_is_not_recording() -> None:
    refused = ingest(2, problem="could not extend file: No space left on device")
    assert named(ingest(), refused, schedule()) == {"recording"}
    said = problems([refused], LATELY, NOW)["recording"]
    assert said
    assert "device" not in said  # this is for everybody to read: the words are the database's own


def test_a_message_that_does_not_come_round_is_noticed() -> None:
    assert named(ingest(), schedule(), round_trip_at=None) == {"round_trip"}
    assert named(ingest(), schedule(), round_trip_at=ago(31)) == {"round_trip"}
    assert named(ingest(), schedule(), round_trip_at=ago(29)) == set()


def test_a_sign_from_the_future_is_a_wrong_clock() -> None:
    found = problems([ingest(-600), schedule(-600)], ago(-600), NOW)
    assert {"ingest", "schedule", "round_trip"} <= {n for n, p in found.items() if p}
    assert all("clocks" in (found[name] or "") for name in ("ingest", "schedule", "round_trip"))
    assert is_alive(ago(-5), NOW)
    assert not is_alive(ago(-6), NOW)


@pytest.mark.parametrize(
    ("free", "size", "full"),
    [
        (0, 64 * 10**6, True),
        (3 * 10**6, 64 * 10**6, True),
        (4 * 10**6, 64 * 10**6, False),  # of a small disk, a twentieth
        (499 * 10**6, 100 * GB, True),
        (600 * 10**6, 100 * GB, False),
        (600 * 10**6, 10_000 * GB, False),  # of a large one, what is needed and no more
    ],
)
def test_a_disk_is_nearly_full_by_its_size(free: int, size: int, full: bool) -> None:
    assert nearly_full(free, size) is full

"""Gates of a rollout: when the next ring begins, when it halts, when it ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleet.domain.rollout.gates import Finish, Halt, Miss, Move, Open, Pass, Ring, Stop, next_move
from fleet.domain.rollout.job import Sight, end_of
from fleet.domain.rollout.outlook import expected_end
from fleet.domain.rollout.plan import Plan
from fleet.domain.rollout.words import JobState

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLAN = Plan(soak_min=60, success_pct=95, error_pct=10, min_executed=10)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CANARIES = Ring(0, succeeded=3, opened_at=NOON, passed_at=NOON)
WAITING = Ring(1, queued=100)


def move(*rings: Ring, at: datetime = NOON, plan: Plan = PLAN) -> Move | None:
    return next_move(rings, plan, NOON, at)


def test_any_failed_canary_halts() -> None:
    canaries = Ring(0, succeeded=2, failed=1, opened_at=NOON)
    assert isinstance(move(canaries, WAITING), Halt)
    assert isinstance(move(replace(CANARIES, failed=1), replace(WAITING, opened_at=NOON)), Halt)


def test_a_ring_that_has_done_well_soaks_before_the_next_one() -> None:
    assert move(replace(CANARIES, passed_at=None), WAITING) == Pass(0)
    assert move(CANARIES, WAITING, at=NOON + HOUR - MINUTE) is None
    assert move(CANARIES, WAITING, at=NOON + HOUR) == Open(1)


def test_canaries_must_all_succeed_and_at_least_one_of_them() -> None:
    assert move(replace(CANARIES, succeeded=2, at_work=1), WAITING, at=NOON + HOUR) is None
    assert move(replace(CANARIES, succeeded=2, queued=1), WAITING, at=NOON + HOUR) is None
    absent = replace(CANARIES, succeeded=0, queued=3, absent=3)
    assert move(absent, WAITING, at=NOON + HOUR) is None


def test_a_device_not_heard_of_for_long_keeps_no_ring_waiting() -> None:
    canaries = replace(CANARIES, succeeded=2, queued=1, absent=1)
    assert move(canaries, WAITING, at=NOON + HOUR) == Open(1)


def test_failures_halt_only_once_enough_devices_have_ended() -> None:
    ring = replace(WAITING, queued=91, succeeded=8, failed=1, opened_at=NOON)
    assert move(CANARIES, ring) is None
    halt = move(CANARIES, replace(ring, queued=90, succeeded=9))
    assert halt == Halt("1 of 10 failed in ring 1")
    assert move(CANARIES, replace(ring, queued=80, succeeded=19)) is None


def test_a_ring_smaller_than_the_minimum_is_judged_when_it_is_through() -> None:
    small = Ring(1, queued=1, succeeded=2, failed=1, opened_at=NOON)
    last = Ring(2, queued=50)
    assert move(CANARIES, small, last) is None
    assert isinstance(move(CANARIES, replace(small, queued=0), last), Halt)


def test_a_ring_with_too_few_successes_for_the_next_halts_and_does_not_hang() -> None:
    ring = Ring(1, succeeded=93, failed=7, opened_at=NOON)
    assert move(CANARIES, ring, Ring(2, queued=50)) == Halt(
        "93 of 100 succeeded in ring 1, 95 % are wanted"
    )


def test_what_a_person_has_looked_at_halts_no_more_and_what_fails_after_does() -> None:
    canaries = replace(CANARIES, succeeded=2, failed=1, forgiven=1)
    assert move(canaries, WAITING, at=NOON + HOUR) == Open(1)
    assert isinstance(move(replace(canaries, failed=2), WAITING, at=NOON + HOUR), Halt)


def test_a_failure_in_the_soak_keeps_the_next_ring_shut() -> None:
    ring = Ring(1, succeeded=94, failed=6, opened_at=NOON, passed_at=NOON)
    assert not isinstance(move(CANARIES, ring, Ring(2, queued=9), at=NOON + HOUR), Open)


def test_a_rollout_is_done_when_every_device_is_at_its_end() -> None:
    last = Ring(1, succeeded=99, failed=1, opened_at=NOON)
    assert move(CANARIES, last) == Finish()
    assert move(CANARIES, replace(last, at_work=1)) is None


def test_out_of_time_it_stops_unless_it_is_in_its_last_ring() -> None:
    late = NOON + PLAN.ends_after
    assert isinstance(move(CANARIES, WAITING, at=late), Stop)
    last = replace(WAITING, opened_at=NOON)
    assert move(CANARIES, last, at=late) == Miss()
    assert move(CANARIES, replace(last, queued=0, at_work=1), at=late) is None


def test_success_is_what_the_device_reports_and_comes_before_its_deadline() -> None:
    late, offered = NOON + HOUR, JobState.OFFERED
    for state, deadline, sight, now, wanted in (
        (offered, late, Sight(False), NOON, None),
        (offered, late, Sight(True), NOON, JobState.SUCCEEDED),
        (offered, late, Sight(True), late + HOUR, JobState.SUCCEEDED),
        (offered, late, Sight(False, "no space"), NOON, JobState.FAILED),
        (offered, late, Sight(False), late, JobState.TIMED_OUT),
        (JobState.REBOOTING, late, Sight(False), late, JobState.TIMED_OUT),
        (JobState.QUEUED, late, Sight(True), NOON, None),
        (JobState.TIMED_OUT, late, Sight(True), NOON, None),
    ):
        end = end_of(state, deadline, sight, now)
        assert (end and end.state) == wanted, (state, sight)


def test_the_end_is_expected_by_the_pace_so_far_and_the_soaks_ahead() -> None:
    canaries = replace(CANARIES, opened_at=NOON - 30 * MINUTE, passed_at=None)
    canaries = replace(canaries, passed_at=NOON)
    assert expected_end([canaries, replace(WAITING, queued=30, absent=10)], PLAN, NOON) == (
        NOON + HOUR + 200 * MINUTE
    )
    assert expected_end([replace(canaries, succeeded=2), WAITING], PLAN, NOON) is None

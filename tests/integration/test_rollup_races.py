"""Rollups made at the moment at which readings are recorded, on PostgreSQL, where both can be."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from fleet.ingest import pipeline
from fleet.ingest.batch import Batch
from fleet.services import rollups
from fleet.services.rollups import roll_up
from fleet.store.database import db, transaction
from fleet.store.models import DailyRollup, HourlyRollup, Reading, RollupDue, RollupProgress
from tests.support.elsewhere import Elsewhere, somebody_waits_for_a_lock
from tests.support.hospital import build_hospital, reading, say, telemetry
from tests.support.waiting import wait_until

HOUR = timedelta(hours=1)
MORNING = datetime(2026, 11, 24, 6, tzinfo=UTC)


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital(carts=4, now=MORNING)
        with transaction() as session:
            session.execute(update(RollupProgress).values(open_hour=MORNING, swept_to=None))
        yield


def after(step: Callable[[Batch], None], happen: Callable[[], object]) -> Sequence[object]:
    """The steps of the pipeline, with something that happens after this one."""
    place = pipeline.STEPS.index(step) + 1
    return (*pipeline.STEPS[:place], lambda _batch: happen(), *pipeline.STEPS[place:])


def counts() -> tuple[int, int, int]:
    """Readings in the history, in the hourly and in the daily rollups."""
    db.session.rollback()
    return (
        db.session.scalar(select(func.count()).select_from(Reading)) or 0,
        db.session.scalar(select(func.sum(HourlyRollup.readings))) or 0,
        db.session.scalar(select(func.sum(DailyRollup.readings))) or 0,
    )


def test_an_hour_is_not_closed_over_a_batch_that_still_records_it(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = MORNING + HOUR
    closing = after(pipeline.record, lambda: elsewhere(lambda: roll_up(over)).result(10))
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "STEPS", closing)
        say("telemetry", telemetry(reading(1, at=MORNING)), MORNING)
    assert counts() == (1, 0, 0)
    roll_up(over)
    assert counts() == (1, 1, 1)


def test_an_hour_that_is_due_waits_for_a_batch_that_still_adds_to_it(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = MORNING + 3 * HOUR
    roll_up(late)
    say("telemetry", telemetry(reading(1, at=MORNING)), late)
    repairing = after(pipeline.record, lambda: elsewhere(lambda: roll_up(late)).result(10))
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "STEPS", repairing)
        say("telemetry", telemetry(reading(2, at=MORNING)), late)
    assert counts() == (2, 0, 0)
    roll_up(late)
    assert counts() == (2, 2, 2)


def test_a_mark_made_while_its_hour_is_rolled_up_is_not_lost(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = MORNING + 3 * HOUR
    roll_up(late)
    say("telemetry", telemetry(reading(1, at=MORNING)), late)
    refresh, coming = rollups.refresh_hour, []

    def while_it_works(*arguments: object) -> None:
        refresh(*arguments)  # type: ignore[arg-type]
        if not coming:
            word = telemetry(reading(2, at=MORNING))
            coming.append(elsewhere(lambda: say("telemetry", word, late)))

    monkeypatch.setattr(rollups, "refresh_hour", while_it_works)
    roll_up(late)
    coming[0].result(10)
    roll_up(late)
    assert counts() == (2, 2, 2)
    assert db.session.scalar(select(func.count()).select_from(RollupDue)) == 0


def test_a_day_is_not_added_up_while_another_run_changes_one_of_its_hours(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = MORNING + 4 * HOUR
    roll_up(late)
    for number in range(2):
        say("telemetry", telemetry(reading(number, at=MORNING + number * HOUR)), late)
    refresh, other = rollups.refresh_hour, []

    def while_it_works(*arguments: object) -> None:
        refresh(*arguments)  # type: ignore[arg-type]
        if not other:
            other.append(elsewhere(lambda: roll_up(late)))
            wait_until(somebody_waits_for_a_lock)

    monkeypatch.setattr(rollups, "refresh_hour", while_it_works)
    roll_up(late)
    other[0].result(10)
    roll_up(late)
    assert counts() == (2, 2, 2)


def test_two_runs_at_once_share_the_work_and_lose_none(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "AT_ONCE", 1)
    carts = [f"cart-{cart:03d}" for cart in range(1, 5)]
    now = MORNING + 6 * HOUR
    roll_up(now - HOUR)
    for cart in carts:
        said = (reading(n, at=MORNING + n * HOUR / 2) for n in range(12))
        say("telemetry", telemetry(*said), now, cart)
    both = [elsewhere(lambda: roll_up(now)) for _ in range(2)]
    assert sum(run.result(20) for run in both) > 0  # type: ignore[misc]
    while roll_up(now):
        pass
    assert counts() == (48, 48, 48)

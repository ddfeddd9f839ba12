"""Two at the same moment, on PostgreSQL, where more than one can write."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import select

from fleet.domain.outage import HOLD
from fleet.domain.words import Scope
from fleet.ingest import pipeline
from fleet.ingest.pipeline import Batch, process
from fleet.services.assign_profile import assign_profile
from fleet.services.decommission_device import decommission_device
from fleet.services.judge_silence import judge_silence
from fleet.services.load_profiles import load_profiles
from fleet.services.silence import mark_silent
from fleet.store.database import db
from fleet.store.models import Alert, Configuration
from tests.support.elsewhere import Elsewhere
from tests.support.hospital import (
    NOON,
    PROFILES,
    build_hospital,
    message,
    reading,
    run_low,
    say,
    seconds,
    state,
    telemetry,
)

PLUGGED = {"status": "charging", "power_source": "mains", "current_ma": 8_000}


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        say("telemetry", telemetry(reading(1)))
        yield


@pytest.fixture
def after_identify(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Lets something happen once, in the middle of the next batch."""

    def arrange(happen: Callable[[], object]) -> None:
        done = Event()

        def once(_batch: Batch) -> None:
            if not done.is_set():
                done.set()
                happen()

        steps = list(pipeline.STEPS)
        place = steps.index(pipeline.identify) + 1
        monkeypatch.setattr(pipeline, "STEPS", (*steps[:place], once, *steps[place:]))

    return arrange


def standing() -> set[str]:
    db.session.rollback()
    return set(db.session.scalars(select(Alert.kind).where(Alert.state != "resolved")))


def test_silence_marked_while_a_word_is_recorded_leaves_no_alert(
    elsewhere: Elsewhere, after_identify: Callable[[Callable[[], object]], None]
) -> None:
    due = state().offline_after
    assert due
    marking: list[Future[object]] = []
    after_identify(lambda: marking.append(elsewhere(lambda: mark_silent(due))))
    say("telemetry", telemetry(reading(2, at=due)), due)
    marking[0].result(10)
    judge_silence(due + HOLD)
    assert state().online
    assert standing() == set()


def test_a_decommission_during_a_batch_leaves_nothing_to_raise_an_alert_later(
    elsewhere: Elsewhere, after_identify: Callable[[Callable[[], object]], None]
) -> None:
    leaving: list[Future[object]] = []
    after_identify(
        lambda: leaving.append(elsewhere(lambda: decommission_device("cart-001", "test", NOON)))
    )
    say("telemetry", telemetry(reading(2, soc=10)), NOON + seconds(15))
    leaving[0].result(10)
    mark_silent(NOON + seconds(3_600))
    judge_silence(NOON + seconds(7_200))
    assert standing() == set()


def test_of_two_workers_the_one_with_the_older_reading_opens_no_alert(
    elsewhere: Elsewhere, after_identify: Callable[[Callable[[], object]], None]
) -> None:
    run_low()
    newer = telemetry(reading(3, soc=20, battery=PLUGGED))
    recorded: list[Future[object]] = []
    after_identify(
        lambda: recorded.append(
            elsewhere(lambda: process([message("telemetry", newer, NOON)], NOON))
        )
    )
    say("telemetry", telemetry(reading(2, soc=10)))
    recorded[0].result(10)
    say("telemetry", telemetry(reading(4, soc=21, battery=PLUGGED)), NOON + seconds(15))
    assert state().seq == 4
    assert standing() == set()


def test_of_two_assignments_at_once_the_more_specific_wins(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    source = (PROFILES / "medication-cart.yaml").read_text()
    for number in (2, 3):
        path = tmp_path / f"{number}.yaml"
        path.write_text(source.replace("auto_lock_s: 120", f"auto_lock_s: {number}0"))
        load_profiles([path], "test", NOON)
    slug = "medication-cart"
    for _ in range(5):
        both = [
            elsewhere(lambda: assign_profile(slug, 3, Scope.WARD, "ward-3a", "a", NOON)),
            elsewhere(lambda: assign_profile(slug, 2, Scope.SITE, "lindenhof", "b", NOON)),
        ]
        for each in both:
            each.result(10)
        db.session.rollback()
        version = db.session.get_one(Configuration, 1).profile_version
        assert version is not None
        assert version.number == 3

"""Fault 8: ingest stopped (SIGSTOP) and resumed. Nothing is written twice, and others go on."""

import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from fleet.store.database import STALLED_AFTER, db
from tests.faults.conftest import LONG, Stage
from tests.faults.service import Service, is_frozen, kill
from tests.support.waiting import wait_until

KEEPALIVE_S = 35
"""The broker gives up a silent ingest after one and a half keep-alives of 20 s."""


@pytest.mark.suite_on("postgresql")
@pytest.mark.parametrize("step", ["received", "committed"])
def test_a_frozen_ingest_wakes_when_another_has_taken_over(stage: Stage, step: str) -> None:
    frozen = stage.service.doomed_ingest(step, stage.rng.randint(2, 5), signal.SIGSTOP)
    with stage.population() as devices:
        wait_until(lambda: is_frozen(frozen), timeout=60)
        other = stage.service.ingest()
        devices.acks_more(500, timeout=60)
        if LONG and step == "received":
            until = time.monotonic() + KEEPALIVE_S
            wait_until(lambda: time.monotonic() > until, timeout=2 * KEEPALIVE_S)
        frozen.send_signal(signal.SIGCONT)
        devices.acks_more(200)
        kill(stage.rng.choice([frozen, other]))
        devices.acks_more(200)
        stage.verify(devices)


@pytest.mark.only_on("postgresql")
def test_an_ingest_frozen_in_its_transaction_does_not_stop_the_others(
    stage: Stage, tmp_path: Path
) -> None:
    """It holds the rows of its devices locked and cannot let go of them itself: the server does.

    After 20 s; here the URL says 2.
    """
    with stage.app.app_context():
        patience = db.session.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert patience == STALLED_AFTER
    impatient = f"{stage.database_url}?options=-c%20idle_in_transaction_session_timeout%3D2s"
    stage.service = Service(tmp_path, impatient, stage.broker.url)
    frozen = stage.service.doomed_ingest("commit", 1, signal.SIGSTOP)
    with stage.population() as devices:
        wait_until(lambda: is_frozen(frozen), timeout=60)
        stage.service.ingest()
        devices.drain()
        frozen.send_signal(signal.SIGCONT)
        stage.verify(devices)


@pytest.mark.only_on("sqlite")
def test_an_ingest_frozen_in_its_transaction_goes_on_with_it(stage: Stage) -> None:
    """It holds the one write lock: the others wait, and nothing is lost."""
    frozen = stage.service.doomed_ingest("commit", 1, signal.SIGSTOP)
    with stage.population() as devices:
        wait_until(lambda: is_frozen(frozen), timeout=60)
        stage.service.ingest()
        wait_until(lambda: devices.kept > 1_000)
        frozen.send_signal(signal.SIGCONT)
        devices.acks_more(200)
        stage.verify(devices)

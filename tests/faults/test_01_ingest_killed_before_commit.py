"""Fault 1: kill -9 of ingest between receive and commit. Nothing is lost after its restart."""

import pytest

from tests.faults.conftest import Stage
from tests.faults.doomed_ingest import BEFORE_COMMIT
from tests.faults.service import wait_for_death


@pytest.mark.suite_on("sqlite")
def test_what_a_killed_ingest_had_not_committed_is_there_after_its_restart(stage: Stage) -> None:
    with stage.population() as devices:
        for step in BEFORE_COMMIT:
            wait_for_death(stage.service.doomed_ingest(step, stage.rng.randint(1, 5)))
        stage.service.ingest()
        devices.acks_more(500)
        stage.verify(devices)


@pytest.mark.suite_on("postgresql")
def test_no_device_has_heard_an_ack_for_what_was_not_committed(stage: Stage) -> None:
    """The broker dies with ingest: what was acked too early, nobody has any more."""
    with stage.population() as devices:
        for nth in (1, 3):
            wait_for_death(stage.service.doomed_ingest("commit", nth))
            stage.broker.kill()
            stage.broker.start()
        stage.service.ingest()
        devices.acks_more(500)
        stage.verify(devices)

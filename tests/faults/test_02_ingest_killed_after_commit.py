"""Fault 2: kill -9 of ingest between commit and PUBACK, and from there to the device's ack.

What was committed comes again, from the broker or from the device: one row, no second alert.
"""

import pytest

from tests.faults.conftest import Stage
from tests.faults.doomed_ingest import AFTER_COMMIT
from tests.faults.service import wait_for_death


@pytest.mark.suite_on("postgresql")
def test_what_comes_again_after_its_commit_is_there_once_with_one_alert(stage: Stage) -> None:
    with stage.population() as devices:
        for step in AFTER_COMMIT:
            wait_for_death(stage.service.doomed_ingest(step, stage.rng.randint(1, 5)))
        stage.service.ingest()
        devices.acks_more(500)
        stage.verify(devices)

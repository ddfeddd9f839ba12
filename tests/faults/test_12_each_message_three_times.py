"""Fault 12: each message three times. The same state, and one alert."""

import pytest

from tests.faults.conftest import Stage
from tests.faults.devices import Habits


@pytest.mark.suite_on("postgresql")
def test_each_message_three_times_is_the_same_as_once(stage: Stage) -> None:
    stage.service.ingest()
    with stage.population(habits=Habits(copies=3)) as devices:
        devices.acks_more(800)
        stage.verify(devices)

"""Fault 4: the broker restarted twenty times. Everybody is back in step, and no gap remains."""

import pytest

from tests.faults.conftest import Stage

RESTARTS = 20


@pytest.mark.suite_on("sqlite")
def test_twenty_restarts_of_the_broker_lose_nothing(stage: Stage) -> None:
    """Some while everybody is connected, some while they are just coming back."""
    stage.service.ingest()
    stage.service.schedule()
    with stage.population() as devices:
        for number in range(RESTARTS):
            if number % 7 == 0:
                devices.acks_more(100)
            else:
                devices.publishes(stage.rng.randint(1, 500))
            (stage.broker.kill if stage.rng.random() < 0.5 else stage.broker.stop)()
            stage.broker.start()
        devices.acks_more(500)
        stage.verify(devices)

"""What the supervisor says of services that do not come up."""

import sys
from collections.abc import Iterator
from threading import Event

import pytest

from fleet.supervisor import Service, Supervisor

IDLE = [sys.executable, "-c", "import time; time.sleep(60)"]
GONE = [sys.executable, "-c", "raise SystemExit(3)"]


@pytest.fixture
def started() -> Iterator[list[Supervisor]]:
    supervisors: list[Supervisor] = []
    yield supervisors
    for supervisor in supervisors:
        supervisor.shut_down()


def start(started: list[Supervisor], *services: Service, within_s: float = 20) -> list[str]:
    started.append(Supervisor(services))
    return started[-1].start(Event(), within_s)


def test_services_that_are_ready_are_not_named(started: list[Supervisor]) -> None:
    assert start(started, Service("one", IDLE), Service("two", IDLE, lambda: True)) == []


def test_a_service_that_never_is_ready_is_named_and_the_others_are_started(
    started: list[Supervisor],
) -> None:
    deaf = Service("deaf", IDLE, lambda: False)
    assert start(started, deaf, Service("fine", IDLE), within_s=0.2) == ["deaf"]


@pytest.mark.timeout(15)
def test_one_that_has_ended_is_not_waited_for(started: list[Supervisor]) -> None:
    assert start(started, Service("gone", GONE, lambda: False), within_s=60) == ["gone"]

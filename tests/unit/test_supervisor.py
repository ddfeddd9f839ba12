"""What the supervisor says of services that do not come up."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from fleet.supervisor import Service, Supervisor
from fleet.wire.files import write
from tests.support.waiting import wait_until

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


COUNTS = [
    sys.executable,
    "-c",
    """
import signal, sys, time
from pathlib import Path
log = Path(sys.argv[1])
signal.signal(signal.SIGHUP, lambda *_: log.write_text(log.read_text() + 'told '))
log.write_text('')
time.sleep(60)
""",
]


def test_a_service_is_told_once_of_each_new_version_of_a_file_that_it_rereads(
    started: list[Supervisor], tmp_path: Path
) -> None:
    crl, log = tmp_path / "crl", tmp_path / "log"
    write(crl, b"one")
    start(started, Service("broker", [*COUNTS, str(log)], log.exists, [crl, tmp_path / "none"]))
    stop = Event()
    watching = Thread(target=started[0].watch, args=(stop,))
    watching.start()
    write(crl, b"two")
    wait_until(lambda: log.read_text() == "told ")
    write(crl, b"two")
    wait_until(lambda: log.read_text() == "told told ")
    stop.set()
    watching.join()
    assert log.read_text() == "told told "

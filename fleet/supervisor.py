"""`fleet up`: every process of one machine under one roof; none outlives it."""

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

log = logging.getLogger(__name__)

STOP_WITHIN_S = 10.0
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Service:
    """A process to keep running. `is_ready`: asked before the next one is started.

    `rereads`: files that it reads anew when it is told SIGHUP, as it is when one of them changes.
    """

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool] = lambda: True
    rereads: Sequence[Path] = ()


@dataclass(slots=True)
class _Running:
    service: Service
    process: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    restart_at: float | None = field(default=None)
    has_read: Sequence[object] = ()
    """What tells one state of its files from the next."""


class Supervisor:
    """Starts services in order, restarts what dies, and stops all in the reverse order."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services
        self._running: list[_Running] = []

    def start(self, stop: Event, ready_within_s: float = 30.0) -> list[str]:
        """The names of those that are not ready; they are kept running all the same."""
        unready = []
        for service in self._services:
            if stop.is_set():
                break
            has_read = _state_of(service.rereads)
            running = _Running(service, _spawn(service), time.monotonic(), has_read=has_read)
            self._running.append(running)
            if not _is_ready_in_time(running, stop, ready_within_s):
                unready.append(service.name)
        return unready

    def watch(self, stop: Event) -> None:
        """Until `stop`: what dies is started again, the sooner the longer it had lived."""
        while not stop.wait(0.5):
            for running in self._running:
                _tend(running, time.monotonic())

    def shut_down(self) -> None:
        for running in reversed(self._running):
            _end(running.process, running.service.name)
        self._running.clear()


def _tend(running: _Running, now: float) -> None:
    if running.restart_at is not None:
        if now >= running.restart_at:
            running.has_read = _state_of(running.service.rereads)
            running.process, running.started = _spawn(running.service), now
            running.restart_at = None
        return
    status = running.process.poll()
    if status is None:
        _tell_of_changes(running)
        return
    lived = now - running.started
    running.failures = 1 if lived > STEADY_AFTER_S else running.failures + 1
    pause = min(2.0 ** (running.failures - 1), LONGEST_PAUSE_S)
    log.error(
        "%s ended with status %s; starting it again in %.0f s", running.service.name, status, pause
    )
    running.restart_at = now + pause


def _tell_of_changes(running: _Running) -> None:
    state = _state_of(running.service.rereads)
    if state != running.has_read:
        running.has_read = state
        running.process.send_signal(signal.SIGHUP)


def _state_of(files: Sequence[Path]) -> list[object]:
    """Files are replaced whole: each new one is another inode, or of another time."""
    found: list[object] = []
    for file in files:
        try:
            is_now = file.stat()
            found.append((is_now.st_ino, is_now.st_mtime_ns))
        except FileNotFoundError:
            found.append(None)
    return found


def _spawn(service: Service) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches the supervisor alone, which then stops all in order.
    return subprocess.Popen(service.command, start_new_session=True, preexec_fn=_die_with_parent)


def _die_with_parent() -> None:
    """Linux ends this process when the supervisor is gone, even if that was killed outright."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _is_ready_in_time(running: _Running, stop: Event, within_s: float) -> bool:
    """One that has ended is not waited for."""
    while not running.service.is_ready():
        has_ended = running.process.poll() is not None
        if has_ended or time.monotonic() > running.started + within_s or stop.wait(0.05):
            return False
    return True


def _end(process: subprocess.Popen[bytes], name: str) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        log.warning("%s did not stop within %.0f s and is killed", name, STOP_WITHIN_S)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

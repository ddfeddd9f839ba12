"""Simulated devices beside a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from fleet.simulator.fleet import Fleet


@contextmanager
def running(fleet: Fleet) -> Iterator[Fleet]:
    """In a thread, until the end of the block."""
    stop = Event()
    thread = Thread(target=fleet.run, args=(stop,))
    thread.start()
    try:
        yield fleet
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()

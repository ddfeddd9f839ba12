"""Ctrl-C and SIGTERM as an event to wait for."""

import signal
from threading import Event
from types import FrameType


def stop_on_signals() -> Event:
    """Set by SIGINT or SIGTERM from now on."""
    stop = Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop

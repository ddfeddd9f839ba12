"""`fleet ingest`, which ends at one exact place: `doomed_ingest STEP NTH SIGNAL`.

It is the real one, with its collaborators wrapped from outside. STEP is one of STEPS, NTH counts
how often it is reached once there was a message, SIGNAL is what the process then sends itself:
SIGKILL, or SIGSTOP to freeze until somebody sends SIGCONT.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event

from fleet.cli import main
from fleet.ingest import run

STEPS = (
    "received",  # a batch has come from the broker
    "statement",  # somewhere between two statements of its transaction
    "commit",  # all is said to the database but COMMIT
    "committed",  # nothing is acked yet
    "half settled",  # half of the batch has its PUBACK
    "settled",  # no device has heard of it
    "acked",
)
UNTIL_SAID_S = 0.1
"""What was said too early, and still lies with another thread, shall reach its hearer first."""
BEFORE_COMMIT, AFTER_COMMIT = STEPS[:3], STEPS[3:]


class Fate:
    def __init__(self, step: str, nth: int, signal_number: int) -> None:
        self._step, self._left, self._signal = step, nth, signal_number
        self._is_awake = False

    def reaches(self, step: str) -> None:
        self._is_awake |= step == "received"
        if self._is_awake and step == self._step:
            self._left -= 1
            if self._left == 0:
                time.sleep(UNTIL_SAID_S)
                os.kill(os.getpid(), self._signal)


class WatchedConsumer:
    """The real consumer, and a look at each step of a batch."""

    def __init__(self, consumer: Any, fate: Fate) -> None:
        self._consumer, self._fate = consumer, fate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)

    def receive(self, *arguments: Any, **options: Any) -> Sequence[Any]:
        inbound: Sequence[Any] = self._consumer.receive(*arguments, **options)
        if inbound:
            self._fate.reaches("received")
        return inbound

    def settle(self, inbound: Sequence[Any]) -> None:
        self._fate.reaches("committed")
        half = len(inbound) // 2
        self._consumer.settle(inbound[:half])
        self._fate.reaches("half settled")
        self._consumer.settle(inbound[half:])
        self._fate.reaches("settled")


def doom(fate: Fate) -> None:
    real_run = run.run_ingest

    def run_ingest(app: Flask, consumer: Any, send_acks: Callable[..., None], stop: Event) -> None:
        def send(*acks: Any) -> None:
            send_acks(*acks)
            fate.reaches("acked")

        real_run(app, WatchedConsumer(consumer, fate), send, stop)  # type: ignore[arg-type]

    run.run_ingest = run_ingest
    event.listen(Engine, "before_cursor_execute", lambda *_: fate.reaches("statement"))
    event.listen(Engine, "commit", lambda *_: fate.reaches("commit"))


if __name__ == "__main__":
    step, nth, signal_number = sys.argv[1:]
    assert step in STEPS, f"one of {', '.join(STEPS)}"
    doom(Fate(step, int(nth), int(signal_number)))
    main(["ingest"])

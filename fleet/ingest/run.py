"""The `ingest` process: receive, process, settle, ack; for ever."""

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Condition, Event, Lock
from time import monotonic

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from fleet.ingest import metrics
from fleet.ingest.batch import Inbound, Memory
from fleet.ingest.consumer import Consumer
from fleet.ingest.pipeline import Acks, process
from fleet.services.heartbeat import Heart
from fleet.store.clock import service_now
from fleet.store.database import can_write_at_once, in_words

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
HANGS_AFTER_S = 60.0
LONGEST_PAUSE_S = 10.0

SendAcks = Callable[[Acks], None]
"""What ingest needs of whoever speaks: called after each commit."""


def run_ingest(app: Flask, consumer: Consumer, send_acks: SendAcks, stop: Event) -> None:
    """Until `stop`. What was received and not committed by then comes again from the devices.

    Two batches are under way at once where the database can write two: while one waits for it, the
    other is decoded and judged.
    """
    heart = Heart("ingest", app.config["FLEET"])
    with app.app_context():
        count = 2 if can_write_at_once() else 1
        line, memory = _Line(consumer, send_acks), Memory()
        consumer.start()
        with ThreadPoolExecutor(count, "batch") as pool:
            working = [pool.submit(_work, app, line, memory, stop) for _ in range(count)]
            while not wait(working, LOOK_EVERY_S, FIRST_COMPLETED).done:
                if not line.hangs():
                    heart.beat(consumer.is_listening, metrics.LAG.now(), line.problem)
            stop.set()
        consumer.stop()
        heart.stop()
    for each in working:
        each.result()  # whoever failed says so, and the process ends with it


class _Line:
    """Batches go in, and are settled, in the order of arrival, whichever is committed first."""

    def __init__(self, consumer: Consumer, send_acks: SendAcks) -> None:
        self._consumer = consumer
        self._send_acks = send_acks
        self._taking = Lock()
        self._taken = 0
        self._settled = 0
        self._settled_at = monotonic()
        self._turn = Condition()
        self.problem: str | None = None
        """Why the newest attempt to commit failed, in the database's own words."""

    def hangs(self) -> bool:
        """Something is under way for too long, and it is not the database that is to blame."""
        waits = self._taken > self._settled and self.problem is None
        return waits and monotonic() - self._settled_at > HANGS_AFTER_S

    def take(self, timeout_s: float) -> tuple[int, list[Inbound]]:
        """The next batch, and its place in the line."""
        with self._taking:
            inbound = self._consumer.receive(timeout_s)
            if inbound:
                if self._taken == self._settled:
                    self._settled_at = monotonic()  # the line was empty until now
                self._taken += 1
            return self._taken, inbound

    def settle(self, place: int, inbound: list[Inbound], acks: Acks, stop: Event) -> None:
        """PUBACK, and ack to the devices, when all before it are; not at all once told to stop."""
        with self._turn:
            while not self._turn.wait_for(lambda: self._settled == place - 1, timeout=0.5):
                if stop.is_set():
                    return  # one before it was never committed
            self._consumer.settle(inbound)
            self._send_acks(acks)
            self._settled, self._settled_at = place, monotonic()
            self._turn.notify_all()


def _work(app: Flask, line: _Line, memory: Memory, stop: Event) -> None:
    with app.app_context():
        while not stop.is_set():
            place, inbound = line.take(timeout_s=0.5)
            if inbound:
                acks = _until_committed([m for m in inbound if not m.shed], line, memory, stop)
                if acks is None:
                    break
                line.settle(place, inbound, acks, stop)
                memory.tidy()


def _until_committed(
    inbound: list[Inbound], line: _Line, memory: Memory, stop: Event
) -> Acks | None:
    """Process the batch, however long the database is away; None if told to stop meanwhile.

    Nothing is acked until then, so the broker holds back what comes after.
    """
    pause_s, since = 0.2, monotonic()
    while not stop.is_set():
        try:
            acks = process(inbound, service_now(), memory)
        except SQLAlchemyError as error:
            line.problem = in_words(error)
            log.warning("database: %s; trying again in %.1f s", line.problem, pause_s)
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            line.problem = None
            metrics.committed(len(inbound), monotonic() - since)
            return acks
    return None

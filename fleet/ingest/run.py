"""The `ingest` process: receive, process, settle, ack; for ever."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from time import monotonic

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from fleet.ingest import metrics
from fleet.ingest.batch import Inbound
from fleet.ingest.consumer import Consumer
from fleet.ingest.pipeline import Acks, process
from fleet.services.heartbeat import Heart
from fleet.store.database import in_words

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 10.0


SendAcks = Callable[[Acks], None]
"""What ingest needs of whoever speaks: called after each commit."""


def run_ingest(app: Flask, consumer: Consumer, send_acks: SendAcks, stop: Event) -> None:
    """Until `stop`. What was received and not committed by then comes again from the broker."""
    consumer.start()
    heart = Heart("ingest", app.config["FLEET"])

    def beat(problem: str | None = None) -> None:
        heart.beat(consumer.is_connected, metrics.LAG.now(), problem)

    with app.app_context():
        while not stop.is_set():
            inbound = consumer.receive(timeout_s=0.5)
            if inbound:
                acks = _until_committed(inbound, stop, beat)
                if acks is None:
                    break
                consumer.settle(inbound)
                send_acks(acks)
            beat()
        heart.stop()
    consumer.stop()


def _until_committed(
    inbound: list[Inbound], stop: Event, beat: Callable[[str], None]
) -> Acks | None:
    """Process the batch, however long the database is away; None if told to stop meanwhile.

    Nothing is acked until then, so the broker holds back what comes after.
    """
    pause_s, since = 0.2, monotonic()
    metrics.HELD_BYTES.set(sum(len(heard.payload) for heard in inbound))
    while not stop.is_set():
        try:
            acks = process(inbound, datetime.now(UTC))
            metrics.committed(len(inbound), monotonic() - since)
            metrics.HELD_BYTES.set(0)
            return acks
        except SQLAlchemyError as error:
            log.warning("database: %s; trying again in %.1f s", in_words(error), pause_s)
            beat(in_words(error))
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return None

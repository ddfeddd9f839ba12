"""The `ingest` process: receive, process, settle, ack; for ever."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from fleet.ingest.batch import Inbound, Memory
from fleet.ingest.consumer import Consumer
from fleet.ingest.pipeline import Acks, process
from fleet.services.heartbeat import note_beat

log = logging.getLogger(__name__)

BEAT_EVERY = timedelta(seconds=5)
LONGEST_PAUSE_S = 10.0


SendAcks = Callable[[Acks], None]
"""What ingest needs of whoever speaks: called after each commit."""


def run_ingest(app: Flask, consumer: Consumer, send_acks: SendAcks, stop: Event) -> None:
    """Until `stop`. What was received and not committed by then comes again from the broker."""
    consumer.start()
    memory = Memory()
    next_beat = datetime.now(UTC)
    with app.app_context():
        while not stop.is_set():
            inbound = consumer.receive(timeout_s=0.5)
            if inbound:
                acks = _until_committed([m for m in inbound if not m.shed], memory, stop)
                if acks is None:
                    break
                consumer.settle(inbound)
                send_acks(acks)
                memory.tidy()
            if datetime.now(UTC) >= next_beat:
                next_beat = datetime.now(UTC) + BEAT_EVERY
                _beat(consumer.is_listening)
    consumer.stop()


def _until_committed(inbound: list[Inbound], memory: Memory, stop: Event) -> Acks | None:
    """Process the batch, however long the database is away; None if told to stop meanwhile.

    Nothing is acked until then, so the broker holds back what comes after.
    """
    pause_s = 0.2
    while not stop.is_set():
        try:
            return process(inbound, datetime.now(UTC), memory)
        except SQLAlchemyError as error:
            log.warning("database: %s; trying again in %.1f s", error, pause_s)
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return None


def _beat(broker_connected: bool) -> None:
    try:
        note_beat("ingest", datetime.now(UTC), broker_connected)
    except SQLAlchemyError as error:
        log.warning("heartbeat not written: %s", error)

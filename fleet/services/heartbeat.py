"""Signs of life of the service's own processes."""

import logging
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from threading import Event
from time import monotonic

from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from fleet.config import Settings
from fleet.metrics import measure_disk, snapshot
from fleet.store.bulk import insert_for
from fleet.store.database import in_words, transaction
from fleet.store.heartbeat import ServiceHeartbeat, ServiceInstance

log = logging.getLogger(__name__)

BEAT_EVERY_S = 5.0
FORGOTTEN_AFTER = timedelta(hours=1)
"""So long the row of a process that was killed stays, for `fleet doctor` to show."""


class Heart:
    """The sign of life of this process: its row, written anew every BEAT_EVERY_S.

    It beats in the loop that does the work: a process that hangs falls silent.
    """

    def __init__(self, process: str, settings: Settings) -> None:
        self.instance = settings.instance_name(process)
        self.unwritten: str | None = None
        """Why the newest sign of life could not be written, in the database's own words."""
        self._process = process
        self._data_dir = settings.data_dir
        self._about = {
            "started_at": datetime.now(UTC),
            "version": version("wardfleet"),
            "host": socket.gethostname()[:64],
            "pid": os.getpid(),
        }
        self._said: tuple[bool | None, str | None] | None = None
        self._next = 0.0
        log.info("%s %s started, version %s", process, self.instance, self._about["version"])

    def beat(
        self,
        broker_connected: bool | None = None,
        lag: timedelta | None = None,
        problem: str | None = None,
    ) -> None:
        """Write the row, if it is time or something has changed; call it as often as you like.

        `broker_connected`, `lag`: of those who listen or speak. `problem`: why the work cannot be
        done. Never raises: whether the database is there, the caller's own work shows.
        """
        news = (broker_connected, problem)
        if news == self._said and monotonic() < self._next:
            return
        self._said, self._next = news, monotonic() + BEAT_EVERY_S
        measure_disk(self._data_dir)
        row = self._about | {
            "at": datetime.now(UTC),
            "broker_connected": broker_connected,
            "lag_ms": None if lag is None else lag // timedelta(milliseconds=1),
            "problem": problem and problem[:256],
            "metrics": snapshot(),
        }
        try:
            note_instance(self._process, self.instance, row)
            self.unwritten = None
        except SQLAlchemyError as error:
            self.unwritten = in_words(error)
            log.warning("sign of life not written: %s", self.unwritten)

    def stop(self) -> None:
        """Take the row away: this process ends as it should."""
        try:
            with transaction() as session:
                session.execute(
                    delete(ServiceInstance).where(
                        ServiceInstance.process == self._process,
                        ServiceInstance.instance == self.instance,
                    )
                )
        except SQLAlchemyError as error:
            log.warning("sign of life not taken back: %s", in_words(error))


def beat_until(
    stop: Event,
    heart: Heart,
    context: Callable[[], AbstractContextManager[object]],
    broker_connected: Callable[[], bool | None] = lambda: None,
) -> None:
    """Beat until `stop`, each time in a new `context` (the application's); then take it back."""
    while not stop.is_set():
        with context():
            heart.beat(broker_connected())
        stop.wait(1)
    with context():
        heart.stop()


def note_instance(process: str, instance: str, row: dict[str, object]) -> None:
    with transaction() as session:
        session.execute(
            insert_for(session, ServiceInstance)
            .values(process=process, instance=instance, **row)
            .on_conflict_do_update(index_elements=["process", "instance"], set_=row)
        )


def forget_silent(now: datetime) -> None:
    """Remove the rows of processes that have not been heard for long."""
    with transaction() as session:
        session.execute(delete(ServiceInstance).where(ServiceInstance.at < now - FORGOTTEN_AFTER))


def note_round_trip(session: Session, sent_at: datetime) -> None:
    """Part of a transaction: a message of the service's own, sent then, has come all the way."""
    put = insert_for(session, ServiceHeartbeat).values(name="round_trip", at=sent_at)
    session.execute(put.on_conflict_do_update(index_elements=["name"], set_={"at": sent_at}))

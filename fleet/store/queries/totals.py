"""The fleet in numbers, for `/metrics`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from threading import Lock

from sqlalchemy import func, select

from fleet.domain.words import AlertKind, Availability, DeviceKind
from fleet.store.database import db
from fleet.store.models import QuarantinedMessage
from fleet.store.queries.alerts import open_by_kind
from fleet.store.queries.diagnosis import newest_reading_at
from fleet.store.queries.overview import availability_tallies
from fleet.store.queries.signed import trust_ends_at

COUNTED_EVERY = timedelta(seconds=60)
"""Counting 100,000 devices takes a tenth of a second: too long for every scrape."""


@dataclass(frozen=True, slots=True)
class Totals:
    """With a number for every word, so that nothing vanishes from a graph at zero."""

    devices: dict[tuple[str, str], int]
    """By kind and availability."""
    open_alerts: dict[str, int]
    """By kind."""
    quarantined_messages: int
    newest_reading_at: datetime | None
    trust_ends_at: datetime | None
    """None while trust is not switched on."""


class Counted:
    """The totals of one database, as they were at most COUNTED_EVERY ago."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._totals: Totals | None = None
        self._at: datetime | None = None

    def totals(self, now: datetime) -> Totals:
        """Several who ask at once wait for one count. Raises SQLAlchemyError."""
        with self._lock:
            fresh = self._at is not None and abs(now - self._at) < COUNTED_EVERY
            if self._totals is None or not fresh:
                self._totals, self._at = _count(now), now
            return self._totals


def _count(now: datetime) -> Totals:
    devices = {(str(kind), str(word)): 0 for kind, word in product(DeviceKind, Availability)}
    for tally in availability_tallies(now):
        devices[tally.kind, tally.availability] += tally.devices
    quarantined = select(func.count()).select_from(QuarantinedMessage)
    return Totals(
        devices=devices,
        open_alerts={str(kind): 0 for kind in AlertKind} | open_by_kind(),
        quarantined_messages=db.session.scalar(quarantined) or 0,
        newest_reading_at=newest_reading_at(db.session()),
        trust_ends_at=trust_ends_at(db.session()),
    )

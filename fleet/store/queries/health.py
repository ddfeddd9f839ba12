"""The signs of life that `/readyz` looks at."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import ServiceHeartbeat


class SignOfLife(NamedTuple):
    at: datetime
    broker_connected: bool


def signs_of_life() -> dict[str, SignOfLife]:
    """The newest sign of each of the service's own processes, by name."""
    rows = db.session.execute(
        select(ServiceHeartbeat.name, ServiceHeartbeat.at, ServiceHeartbeat.broker_connected)
    )
    return {name: SignOfLife(at, connected) for name, at, connected in rows}

"""Signs of life of the service's own processes."""

from datetime import datetime

from sqlalchemy.orm import Session

from fleet.store.bulk import insert_for
from fleet.store.database import transaction
from fleet.store.heartbeat import ServiceHeartbeat


def beat(session: Session, name: str, at: datetime, broker_connected: bool) -> None:
    """Part of a transaction: write down that `name` lives; one row a name."""
    values = {"at": at, "broker_connected": broker_connected}
    session.execute(
        insert_for(session, ServiceHeartbeat)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def note_beat(name: str, at: datetime, broker_connected: bool) -> None:
    with transaction() as session:
        beat(session, name, at, broker_connected)

"""The fleet is counted every few seconds, so that no page has to."""

from datetime import datetime
from zoneinfo import ZoneInfo

from fleet.store.bulk import insert_for
from fleet.store.database import db, transaction
from fleet.store.fleet_count import FleetCount
from fleet.store.queries.fleet_count import ROW, as_json, count
from fleet.store.queries.places import home_timezone


def count_fleet(now: datetime) -> None:
    """Read first, then write the one row: nobody waits for the count."""
    counts = as_json(count(now, now.astimezone(ZoneInfo(home_timezone())).date()))
    db.session.rollback()
    with transaction() as session:
        insert = insert_for(session, FleetCount).values(id=ROW, at=now, counts=counts)
        newer = {name: insert.excluded[name] for name in ("at", "counts")}
        session.execute(insert.on_conflict_do_update(index_elements=["id"], set_=newer))

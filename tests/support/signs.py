"""Signs of life, as the service's processes write them."""

from datetime import datetime, timedelta
from typing import Any

from fleet.services.heartbeat import note_instance, note_round_trip
from fleet.store.database import transaction


def sign(process: str, at: datetime, instance: str = "a-1", **columns: Any) -> None:
    row = {
        "started_at": at - timedelta(days=1),
        "at": at,
        "version": "0.1.0",
        "host": "a",
        "pid": 1,
        "broker_connected": None if process == "web" else True,
        "lag_ms": None,
        "problem": None,
        "metrics": [],
    }
    note_instance(process, instance, row | columns)


def all_well(at: datetime) -> None:
    """Everything runs, and a message came round: as of then."""
    for process in ("ingest", "schedule"):
        sign(process, at)
    round_trip(at)


def round_trip(sent_at: datetime) -> None:
    with transaction() as session:
        note_round_trip(session, sent_at)

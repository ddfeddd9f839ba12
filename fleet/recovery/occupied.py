"""What a restore would do harm to."""

from datetime import datetime, timedelta

from sqlalchemy import (
    Connection,
    NullPool,
    TableClause,
    create_engine,
    func,
    literal,
    select,
)

from fleet.recovery import sqlite
from fleet.recovery.errors import RecoveryError
from fleet.store.checksums import table_names
from fleet.store.heartbeat import ServiceInstance

_OF_EVERY_START = (
    "alembic_version",
    "audit_chain",
    "job_run",
    "lease",
    "rollup_progress",
    "service_heartbeat",
    "service_instance",
    "setup_link",
    "study_progress",
)
"""A service that was started once has written these."""
_ALIVE_WITHIN = timedelta(seconds=20)


def refuse_what_is_in_use(url: str, force: bool, now: datetime) -> bool:
    """Whether the database holds anything. Raises RecoveryError where it does, or is in use."""
    if url.startswith("sqlite") and not sqlite.path_of(url).exists():
        return False
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        tables = table_names(connection)
        beat = _last_beat(connection) if "service_instance" in tables else None
        held = [
            name for name in tables if name not in _OF_EVERY_START and _has_rows(connection, name)
        ]
    if beat is not None and now - beat < _ALIVE_WITHIN and not force:
        age = (now - beat) // timedelta(seconds=1)
        raise RecoveryError(
            f"fleet runs on this database (a sign of life {age} s ago): stop it; "
            "if it has just crashed, --force goes on"
        )
    if held and not force:
        raise RecoveryError(
            f"the database holds data already (table {held[0]} and {len(held) - 1} more): "
            "--force puts it aside"
        )
    return bool(held)


def _last_beat(connection: Connection) -> datetime | None:
    return connection.scalar(select(func.max(ServiceInstance.at)))


def _has_rows(connection: Connection, table: str) -> bool:
    query = select(literal(1)).select_from(TableClause(table)).limit(1)
    return connection.execute(query).first() is not None

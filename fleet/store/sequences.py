"""The counters by which the database gives ids."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from fleet.store.database import Base

_POSTGRES = """
    SELECT setval(oid::regclass, coalesce(pg_sequence_last_value(oid), 0) + :gap)
    FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace
"""


def raise_ids(session: Session, gap: int) -> None:
    """Part of a transaction: the next ids are higher by `gap` than they would have been.

    On SQLite for the tables with `NEVER_AGAIN`; the others give what is free.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(text(_POSTGRES), {"gap": gap})
        return
    for table in Base.metadata.sorted_tables:
        if table.dialect_options["sqlite"]["autoincrement"]:
            _raise_on_sqlite(session, table.name, gap)


def _raise_on_sqlite(session: Session, table: str, gap: int) -> None:
    values = {"table": table, "gap": gap}
    raised = text("UPDATE sqlite_sequence SET seq = seq + :gap WHERE name = :table RETURNING seq")
    if not session.execute(raised, values).all():  # no row was ever put into that table
        session.execute(text("INSERT INTO sqlite_sequence VALUES (:table, :gap)"), values)

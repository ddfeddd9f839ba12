"""How the database means to answer what a query asks of it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event, text

from fleet.store.database import db


def plans_of(ask: Callable[[], object]) -> list[list[str]]:
    """The steps of each SELECT that `ask` makes, as the database words them."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    ask()
    event.remove(db.engine, "before_cursor_execute", note)
    db.session.rollback()
    connection = db.session.connection()
    is_sqlite = db.engine.dialect.name == "sqlite"
    if not is_sqlite:  # of so few rows it would read them all
        connection.execute(text("SET LOCAL enable_seqscan = off"))
    explain = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
    return [
        [str(row[-1]).strip(" ->") for row in connection.exec_driver_sql(explain + s, p)]
        for s, p in asked
        if s.startswith("SELECT")
    ]

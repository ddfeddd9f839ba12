"""Two at the same moment: work in another thread, and how to know that it waits for a lock."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import text

from fleet.store.database import db

Elsewhere = Callable[[Callable[[], object]], "Future[object]"]


@contextmanager
def threads_of(app: Flask) -> Iterator[Elsewhere]:
    """Runs work in another thread, with a session of its own."""
    with ThreadPoolExecutor() as pool:

        def run(work: Callable[[], object]) -> "Future[object]":
            def inside() -> object:
                with app.app_context():
                    return work()

            return pool.submit(inside)

        yield run


def somebody_waits_for_a_lock() -> bool:
    """On PostgreSQL, in the application's database."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
    with db.engine.connect() as connection:
        return bool(connection.scalar(text(f"{waiting} current_database()")))

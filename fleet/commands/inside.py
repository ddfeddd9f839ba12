"""Where a command does its work: inside the application, on its database."""

from collections.abc import Iterator
from contextlib import contextmanager

from fleet import create_worker
from fleet.config import Settings
from fleet.store.database import db


@contextmanager
def inside(settings: Settings | None = None) -> Iterator[Settings]:
    """`settings`: else those of the environment. Its connections end with it."""
    settings = settings or Settings.from_env()
    with create_worker(settings).app_context():
        try:
            yield settings
        finally:
            db.session.remove()
            db.engine.dispose()

"""Migrated databases, one per test: the migrations run once, then the result is copied.

`fill` puts into the template what all its copies have.
"""

import itertools
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.support.postgres import Postgres

_number = itertools.count(1)

Fill = Callable[[str], None]
"""Given the URL of the migrated template."""


def _leave_empty(_url: str) -> None:
    pass


class SqliteTemplate:
    def __init__(self, folder: Path, fill: Fill = _leave_empty) -> None:
        from fleet.store.migrate import upgrade

        self.path = folder / "template.db"
        upgrade(f"sqlite:///{self.path}")
        fill(f"sqlite:///{self.path}")
        with closing(sqlite3.connect(self.path)) as connection:  # everything into the one file
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, folder: Path) -> str:
        copy = folder / "fleet.db"
        shutil.copyfile(self.path, copy)
        return f"sqlite:///{copy}"


class PostgresTemplate:
    def __init__(self, server: Postgres, fill: Fill = _leave_empty) -> None:
        from fleet.store.migrate import upgrade

        self.server = server
        # The server may be one that other runs use too (FLEET_TEST_POSTGRES_URL).
        self.name = f"fleet_test_{os.getpid()}"
        url = server.create(self.name)
        upgrade(url)
        fill(url)
        server.freeze(self.name)

    def copy(self) -> tuple[str, str]:
        """The name and the URL of a fresh copy."""
        name = f"{self.name}_{next(_number)}"
        return name, self.server.create(name, self.name)

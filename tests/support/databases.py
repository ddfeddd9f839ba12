"""Migrated databases, one per test: the migrations run once, then the result is copied."""

import itertools
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.postgres import Postgres

_number = itertools.count(1)


class SqliteTemplate:
    def __init__(self, folder: Path) -> None:
        from fleet.store.migrate import upgrade

        self.path = folder / "template.db"
        upgrade(f"sqlite:///{self.path}")
        with closing(sqlite3.connect(self.path)) as connection:  # everything into the one file
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, folder: Path) -> str:
        copy = folder / "fleet.db"
        shutil.copyfile(self.path, copy)
        return f"sqlite:///{copy}"


class PostgresTemplate:
    def __init__(self, server: Postgres) -> None:
        from fleet.store.migrate import upgrade

        self.server = server
        # The server may be one that other runs use too (FLEET_TEST_POSTGRES_URL).
        self.name = f"fleet_test_{os.getpid()}"
        upgrade(server.create(self.name))
        server.freeze(self.name)

    def copy(self) -> tuple[str, str]:
        """The name and the URL of a fresh copy."""
        name = f"{self.name}_{next(_number)}"
        return name, self.server.create(name, self.name)

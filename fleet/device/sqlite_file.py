"""One SQLite file that survives power cuts, and is set aside and begun anew when it is damaged."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

log = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 1.0
Synchronous = Literal["FULL", "OFF"]
_Outcome = tuple[list[tuple[Any, ...]], int]
"""The rows read, and the number of rows changed."""


class SqliteFile:
    """Every statement is a transaction of its own.

    `on_replaced` is called when damage was found after the file was opened: the new one is empty.
    Opening raises OSError where the file cannot be had, as when another process holds it.
    """

    def __init__(
        self, path: Path, schema: str, synchronous: Synchronous, on_replaced: Callable[[], None]
    ) -> None:
        self._path, self._schema, self._synchronous = path, schema, synchronous
        self._on_replaced = on_replaced
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open_or_replace()
        except sqlite3.OperationalError as error:
            raise OSError(f"{path}: {error}") from error

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._execute(sql, values)[0]

    def write(self, sql: str, *values: object) -> int:
        """Returns the number of rows that changed."""
        return self._execute(sql, values)[1]

    def close(self) -> None:
        self._db.close()

    def _execute(self, sql: str, values: tuple[object, ...]) -> _Outcome:
        try:
            return self._run(sql, values)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._replace(error)
            self._on_replaced()
            return self._run(sql, values)

    def _run(self, sql: str, values: tuple[object, ...]) -> _Outcome:
        """Rows are fetched here: damage shows only when the page it is on is read."""
        cursor = self._db.execute(sql, values)
        return cursor.fetchall(), cursor.rowcount

    def _open_or_replace(self) -> None:
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._replace(error)

    def _open(self) -> None:
        """Exclusive: two agents on one journal would give one number to two readings.

        One thread may open the file and another use it, but never two at a time.
        """
        self._db = sqlite3.connect(
            self._path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {self._synchronous}")
        self._db.executescript(self._schema)
        verdict = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise _Damaged(verdict)

    def _replace(self, error: Exception) -> None:
        """The damaged file stays beside the new one, for whoever wants to look at it."""
        self._db.close()
        number = 1
        while (aside := Path(f"{self._path}.corrupt-{number}")).exists():
            number += 1
        self._path.rename(aside)
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        log.error("%s is damaged (%s): set aside as %s", self._path, error, aside.name)
        self._open()


class _Damaged(sqlite3.DatabaseError):
    """The file opens, and does not hold together."""


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """A full disk or a missing right is no reason to put a sound file aside."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, _Damaged) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

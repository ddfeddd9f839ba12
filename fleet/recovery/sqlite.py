"""SQLite: copied while it is written to, and put in place by a rename."""

import gzip
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url

from fleet.recovery.errors import RecoveryError
from fleet.recovery.facts import Facts, facts_of
from fleet.recovery.workspace import sync_folder, workspace

MEMBER = "database.sqlite.gz"
_PAGES_AT_ONCE = 4_096
_FAST = 1
"""Of gzip's nine levels."""
_CHUNK = 1_048_576
_BESIDE = ("", "-wal", "-shm")
"""The files of a database: a log belongs to it by its name."""


def path_of(url: str) -> Path:
    return Path(make_url(url).database or "")


def url_of(path: Path) -> str:
    return URL.create("sqlite", database=str(path)).render_as_string()


def dump(url: str, folder: Path) -> Facts:
    """A copy as of one moment, packed into `folder`.

    In write-ahead mode a reader keeps nobody waiting; while it reads, the log grows.
    """
    copy = folder / "database.sqlite"
    _copy(path_of(url), copy)
    engine = create_engine(url_of(copy))
    facts = facts_of(engine)
    engine.dispose()
    with copy.open("rb") as plain, gzip.open(folder / MEMBER, "wb", _FAST) as packed:
        shutil.copyfileobj(plain, packed, _CHUNK)
    copy.unlink()
    return facts


def _copy(source: Path, target: Path) -> None:
    """Within one read transaction: else each commit of ingest would begin the copy anew."""
    if not source.is_file():
        raise RecoveryError(f"{source}: no such database")
    target.touch(0o600)
    with closing(_opened(source)) as live, closing(_opened(target)) as copy:
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        live.backup(copy, pages=_PAGES_AT_ONCE)
        copy.execute("PRAGMA journal_mode=DELETE")  # all of it in the one file


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=30, isolation_level=None)


@contextmanager
def scratch(_url: str, folder: Path) -> Iterator[str]:
    """The database packed in `folder`, on its own: its URL."""
    copy = folder / "database.sqlite"
    unpack(folder, copy)
    yield url_of(copy)


def unpack(folder: Path, target: Path) -> None:
    with gzip.open(folder / MEMBER) as packed, target.open("xb") as plain:
        shutil.copyfileobj(packed, plain, _CHUNK)


def check(url: str) -> list[str]:
    """What SQLite finds wrong with its own structure, indexes among it."""
    with closing(_opened(path_of(url))) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(10)")]
    return [] if found == ["ok"] else found


def replace(
    url: str, folder: Path, prepare: Callable[[str], None], now: datetime, keep: bool
) -> str | None:
    """Put the database in `folder` in place of what is there; returns the file that keeps that.

    `prepare` gets its URL, and may refuse it: then everything is as it was.
    """
    return put_in_place(url, lambda target: unpack(folder, target), prepare, now, keep)


def put_in_place(
    url: str,
    fill: Callable[[Path], None],
    prepare: Callable[[str], None],
    now: datetime,
    keep: bool,
) -> str | None:
    """As `replace`, with a database that `fill` writes to the path it is given."""
    target = path_of(url)
    with workspace(target.parent) as work:
        fresh = work / target.name
        fill(fresh)
        fresh.chmod(0o600)
        prepare(url_of(fresh))
        with closing(_opened(fresh)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        aside = _put_aside(target, now)
        fresh.rename(target)
        sync_folder(target.parent)
    if aside is not None and not keep:
        _remove(aside)
        return None
    return str(aside) if aside else None


def _put_aside(target: Path, now: datetime) -> Path | None:
    """What Litestream noted of it goes: it begins anew with the database that comes."""
    shutil.rmtree(target.with_name(f".{target.name}-litestream"), ignore_errors=True)
    if not target.exists():
        return None
    aside = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%SZ}")
    for suffix in _BESIDE:
        part = target.with_name(target.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _remove(path: Path) -> None:
    for suffix in _BESIDE:
        path.with_name(path.name + suffix).unlink(missing_ok=True)

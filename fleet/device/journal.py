"""The device's memory: readings kept until an `ack` covers them, counters, the applied profile.

One SQLite file per device. The service's database is the only other copy, so that no broker
between them needs to be durable.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from fleet.device.sqlite_file import SqliteFile, Synchronous
from fleet.wire.messages import DesiredDocument, Reading, ReasonCode, encode

log = logging.getLogger(__name__)

CAPACITY = 200_000
"""Readings kept at most: two months at one in 30 s."""
_LARGEST = 2**53
START, END = (-1, -1), (2**62, 0)
"""Before and after every (boot, seq)."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS readings (
    boot INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (boot, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class Applied(Struct, omit_defaults=True):
    """The configuration in force. `reasons`: why a setting could not be put in force, by key."""

    generation: int = 0
    sha256: str = ""
    document: DesiredDocument | None = None
    applied_at: datetime | None = None
    reasons: dict[str, ReasonCode] = {}


class Chunk(NamedTuple):
    """Readings of one boot, oldest first, each in its encoded form."""

    boot: int
    seqs: list[int]
    bodies: list[bytes]

    @property
    def last(self) -> tuple[int, int]:
        return self.boot, self.seqs[-1]


class Journal:
    """Opens or begins the journal at `path`, and begins a new boot in it.

    `now` serves a fresh journal alone: its boot starts at the epoch second, so that a re-imaged
    device does not fall behind what the service has already seen of it.
    """

    def __init__(
        self,
        path: Path,
        now: datetime,
        *,
        synchronous: Synchronous = "FULL",
        capacity: int = CAPACITY,
    ) -> None:
        self._fresh_boot = int(now.timestamp())
        self._boot, self._applied = 0, Applied()
        self._capacity = capacity
        self._file = SqliteFile(path, _SCHEMA, synchronous, self._start_over)
        self._load(least_boot=0)

    @property
    def boot(self) -> int:
        return self._boot

    @property
    def dropped(self) -> int:
        """Readings lost because the journal was full, since it was begun."""
        return int(self._fact("dropped", b"0"))

    @property
    def applied(self) -> Applied:
        return self._applied

    def __len__(self) -> int:
        return self._kept

    def next_seq(self) -> int:
        """The next reading's number: from 1 in each boot, hence not worth a write."""
        self._seq += 1
        return self._seq

    def next_report_seq(self) -> int:
        """The next report's number: from 1 in each boot."""
        self._report_seq += 1
        return self._report_seq

    def next_session(self) -> int:
        """A number higher than that of any session before, also across restarts."""
        session = int(self._fact("session", b"0")) + 1
        self._remember("session", b"%d" % session)
        return session

    def raise_boot(self, minimum: int) -> None:
        """Go on from a boot no lower than `minimum`; what is kept stays under its own boot."""
        if minimum > self._boot:
            self._begin_boot(min(minimum, _LARGEST))

    def keep(self, reading: Reading) -> None:
        """Keep one reading of this boot; the oldest make room where the journal is full."""
        self._file.write(
            "INSERT INTO readings VALUES (?, ?, ?)", self._boot, reading.seq, encode(reading)
        )
        self._kept += 1
        if self._kept > self._capacity:
            self._drop_oldest(self._kept - self._capacity)

    def newest(self) -> Chunk | None:
        """The newest kept reading alone; None if none is kept."""
        rows = self._file.read(
            "SELECT boot, seq, body FROM readings ORDER BY boot DESC, seq DESC LIMIT 1"
        )
        return Chunk(rows[0][0], [rows[0][1]], [rows[0][2]]) if rows else None

    def chunk(
        self, after: tuple[int, int], limit: int, max_bytes: int, before: tuple[int, int] = END
    ) -> Chunk | None:
        """The oldest kept readings between two (boot, seq): one boot's; None if none is left."""
        rows = self._file.read(
            "SELECT boot, seq, body FROM readings WHERE (boot, seq) > (?, ?)"
            " AND (boot, seq) < (?, ?) ORDER BY boot, seq LIMIT ?",
            *after,
            *before,
            limit,
        )
        if not rows:
            return None
        chunk = Chunk(rows[0][0], [], [])
        size = 0
        for boot, seq, body in rows:
            size += len(body) + 1
            if boot != chunk.boot or (chunk.seqs and size > max_bytes):
                break
            chunk.seqs.append(seq)
            chunk.bodies.append(body)
        return chunk

    def forget(self, boot: int, ranges: Iterable[tuple[int, int]]) -> None:
        """Delete what the service has (ranges inclusive)."""
        for first, last in ranges:
            low, high = max(first, 0), min(last, _LARGEST)
            self._kept -= self._file.write(
                "DELETE FROM readings WHERE boot = ? AND seq BETWEEN ? AND ?", boot, low, high
            )

    def apply(self, applied: Applied) -> None:
        """Remember the configuration that is now in force."""
        self._remember("applied", encode(applied))
        self._applied = applied

    def is_new_command(self, command_id: int) -> bool:
        """Whether it is heard for the first time; from now on it no longer is.

        The last few are remembered: the broker repeats what it was not told to be heard.
        """
        known = [int(part) for part in self._fact("commands", b"").split()]
        if command_id in known:
            return False
        self._remember("commands", b" ".join(b"%d" % each for each in [*known, command_id][-20:]))
        return True

    def close(self) -> None:
        self._file.close()

    def _load(self, least_boot: int) -> None:
        self._kept = self._file.read("SELECT count(*) FROM readings")[0][0]
        self._applied = self._recall_applied()
        last_boot = int(self._fact("boot", b"0"))
        self._begin_boot(max(last_boot + 1 if last_boot else self._fresh_boot, least_boot))

    def _recall_applied(self) -> Applied:
        try:
            return msgspec.json.decode(self._fact("applied", b"{}"), type=Applied)
        except msgspec.DecodeError as error:
            log.warning("the applied configuration cannot be read, and counts as none: %s", error)
            return Applied()

    def _start_over(self) -> None:
        """In an empty file: what it held is lost, what is in force still is."""
        applied = self._applied
        self._load(least_boot=self._boot + 1)
        self.apply(applied)

    def _begin_boot(self, boot: int) -> None:
        self._remember("boot", b"%d" % boot)
        self._boot, self._seq, self._report_seq = boot, 0, 0

    def _drop_oldest(self, count: int) -> None:
        dropped = self._file.write(
            "DELETE FROM readings WHERE (boot, seq) IN"
            " (SELECT boot, seq FROM readings ORDER BY boot, seq LIMIT ?)",
            count,
        )
        self._kept -= dropped
        total = self.dropped + dropped
        self._remember("dropped", b"%d" % total)
        log.warning("the journal is full: %d readings dropped so far", total)

    def _fact(self, name: str, default: bytes) -> bytes:
        rows = self._file.read("SELECT value FROM facts WHERE name = ?", name)
        return rows[0][0] if rows else default

    def _remember(self, name: str, value: bytes) -> None:
        self._file.write("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, value)

"""What SQLite says of itself, judged."""

from collections.abc import Iterator

from fleet.doctor.finding import Finding, fail, megabytes, ok, warn
from fleet.store.queries.diagnosis import Sqlite

FULL = 2
"""`PRAGMA synchronous`: each commit is on disk before it is answered."""
MUCH_LOG_BYTES = 1_000_000_000


def judge(it: Sqlite) -> Iterator[Finding]:
    yield ok("database", f"SQLite {it.version}")
    yield _durability(it)
    found = f"{megabytes(it.size_bytes)}, and {megabytes(it.log_bytes)} of write-ahead log"
    if it.log_bytes > MUCH_LOG_BYTES:
        do = "Some program reads from it without end, so the log cannot be emptied: end that."
        yield warn("size", found, do)
    else:
        yield ok("size", found)


def _durability(it: Sqlite) -> Finding:
    if it.journal_mode != "wal":
        do = "Put the data directory on a local disk: over a network SQLite has no such log."
        return fail("durability", f"no write-ahead log ({it.journal_mode})", do)
    if it.synchronous < FULL:
        return fail("durability", "synchronous is not FULL", "Set it to FULL.")
    return ok("durability", "write-ahead log, synchronous = FULL")

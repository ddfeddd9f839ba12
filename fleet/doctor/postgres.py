"""What PostgreSQL says of itself, judged."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from fleet.doctor.finding import Finding, fail, megabytes, ok, warn
from fleet.store.queries.diagnosis import Postgres, Table

OLDEST_VERSION = 150_000
LONG_TRANSACTION = timedelta(minutes=5)
UNFROZEN_IDS = 1_000_000_000
"""Autovacuum freezes at 200 million: a billion means that it has not come through for long."""
DEAD_ROWS = 1_000_000
DEAD_SHARE = 0.4
"""Of the living; autovacuum comes at half of that."""


def judge(it: Postgres, biggest: Sequence[Table]) -> Iterator[Finding]:
    yield _version(it)
    yield _durability(it)
    yield _connections(it)
    tables = ", ".join(f"{table.name} {megabytes(table.size_bytes)}" for table in biggest)
    yield ok("size", f"{megabytes(it.size_bytes)} ({tables})")
    yield _upkeep(it, biggest)


def _version(it: Postgres) -> Finding:
    version = f"PostgreSQL {it.version // 10_000}.{it.version % 10_000}"
    if it.version < OLDEST_VERSION:
        return fail("database", version, "PostgreSQL 15 or newer is needed: upgrade it.")
    if it.in_recovery:
        do = "Let FLEET_DATABASE_URL name the primary."
        return fail("database", f"{version}, a standby that takes no writes", do)
    return ok("database", version)


def _durability(it: Postgres) -> Finding:
    """Acked means on disk: without these it would not be."""
    names = ("fsync", "full_page_writes", "synchronous_commit")
    if unsafe := [name for name in names if getattr(it, name) == "off"]:
        do = (
            "Turn it on in postgresql.conf: a power cut would lose readings of which the devices "
            "were told that they are kept."
        )
        return fail("durability", f"{', '.join(unsafe)} = off", do)
    return ok("durability", f"synchronous_commit = {it.synchronous_commit}")


def _connections(it: Postgres) -> Finding:
    found = f"{it.connections} of {it.max_connections} in use"
    if it.connections > 0.9 * it.max_connections:
        return warn("connections", found, "Raise max_connections, or run fewer processes.")
    return ok("connections", found)


def _upkeep(it: Postgres, biggest: Sequence[Table]) -> Finding:
    """What keeps PostgreSQL from clearing away: an old transaction, an autovacuum left behind."""
    oldest = it.oldest_transaction or timedelta(0)
    found = f"oldest transaction {oldest.total_seconds():.0f} s"
    if it.unfrozen_ids > UNFROZEN_IDS:
        do = "Run VACUUM FREEZE, and see why autovacuum does not: at 2 billion all writes stop."
        return fail("upkeep", f"{it.unfrozen_ids} transactions are not frozen", do)
    if oldest > LONG_TRANSACTION:
        do = "Find it in pg_stat_activity and end it: nothing newer is cleared away meanwhile."
        return warn("upkeep", found, do)
    if late := [table for table in biggest if _is_full_of_dead(table)]:
        found = ", ".join(f"{table.dead_rows} dead rows in {table.name}" for table in late)
        do = "See that autovacuum is on, and let it do more (autovacuum_vacuum_cost_limit)."
        return warn("upkeep", found, do)
    return ok("upkeep", found)


def _is_full_of_dead(table: Table) -> bool:
    return table.dead_rows > DEAD_ROWS and table.dead_rows > DEAD_SHARE * table.live_rows

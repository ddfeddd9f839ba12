"""What a database must have in common with its restored copy."""

from dataclasses import dataclass

from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine

from fleet.recovery.errors import RecoveryError
from fleet.store.checksums import TableSum, table_sums
from fleet.store.database import snapshot
from fleet.store.queries.audit_chain import End, end_of_chain


@dataclass(frozen=True, slots=True)
class Facts:
    """`schema`: the Alembic revision. `audit` is None in a database from before the chain."""

    schema: str
    tables: dict[str, TableSum]
    audit: End | None

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


def facts_of(engine: Engine) -> Facts:
    with snapshot(engine) as connection:
        return facts_in(connection)


def facts_in(connection: Connection) -> Facts:
    """Raises RecoveryError for a database that was never migrated."""
    schema = MigrationContext.configure(connection).get_current_revision()
    if schema is None:
        raise RecoveryError("the database holds no schema of Wardfleet: nothing to back up")
    tables = table_sums(connection)
    audit = end_of_chain(connection) if "audit_chain" in tables else None
    return Facts(schema, tables, audit)


def differences(expected: Facts, found: Facts) -> list[str]:
    """In words; empty where they are the same."""
    said = []
    for name in sorted(expected.tables.keys() | found.tables.keys()):
        before, after = expected.tables.get(name), found.tables.get(name)
        if before is None or after is None:
            said.append(f"table {name}: {'not expected' if before is None else 'missing'}")
        elif before.rows != after.rows:
            said.append(f"table {name}: {before.rows} rows expected, {after.rows} found")
        elif before.checksum != after.checksum:
            said.append(f"table {name}: the same number of rows, with other content")
    if expected.schema != found.schema:
        said.append(f"schema: {expected.schema} expected, {found.schema} found")
    if expected.audit != found.audit:
        said.append("the audit ends elsewhere")
    return said

"""Is a restored database the one that was backed up, and does this version work with it?"""

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, NullPool, create_engine

from fleet.recovery.archive import Manifest
from fleet.recovery.errors import RecoveryError
from fleet.recovery.facts import Facts, differences, facts_of
from fleet.recovery.kinds import Kind
from fleet.store.database import snapshot
from fleet.store.migrate import MIGRATIONS, is_current, upgrade
from fleet.store.queries.audit_chain import End, verify


def problems_of(url: str, database: Kind, expected: Facts | None) -> list[str]:
    """Everything that differs, in words. The database is at this version's schema afterwards.

    `expected` is None for what comes without a manifest.
    """
    engine = create_engine(url, poolclass=NullPool)
    found = database.check(url)
    if expected is not None:
        found += differences(expected, facts_of(engine))
    upgrade(url)
    if not is_current(engine):
        found.append("the migrations did not bring it to this version's schema")
    return found + _audit_problems(engine, expected.audit if expected else None)


def _audit_problems(engine: Engine, end: End | None) -> list[str]:
    with snapshot(engine) as connection:
        problem = verify(connection, end).problem
    return [f"audit: {problem}"] if problem else []


def refuse_what_is_newer(manifest: Manifest) -> None:
    """Raises RecoveryError for a schema that only a later version knows."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if manifest.facts.schema not in known:
        raise RecoveryError(
            f"its schema {manifest.facts.schema} is not known here: it was taken with Wardfleet "
            f"{manifest.version}; use that version or a later one"
        )

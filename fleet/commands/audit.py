"""The audit: is it as it was written?"""

from pathlib import Path

import click

from fleet.commands.errors import one_clear_line
from fleet.commands.inside import inside


@click.group()
def audit() -> None:
    """The record of who changed what."""


@audit.command()
@click.option(
    "--backup",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="See that the chain of this backup goes on here: who can write the database "
    "can write a whole new chain.",
)
@one_clear_line
def verify(backup: Path | None) -> None:
    """Hold every entry against the hash chain; name the first that does not fit."""
    from fleet.recovery.archive import read_manifest
    from fleet.store.database import db, snapshot
    from fleet.store.queries.audit_chain import verify as verify_chain

    kept = read_manifest(backup).facts.audit if backup else None
    with inside(), snapshot(db.engine) as connection:
        verdict = verify_chain(connection, kept)
    if verdict.problem:
        raise SystemExit(f"fleet: audit: {verdict.problem}")
    end = verdict.end
    click.echo(f"{verdict.entries} entries, unbroken; the last is {end.id}, hash {end.hash}")


COMMANDS = (audit,)

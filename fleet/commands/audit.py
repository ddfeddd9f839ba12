"""The audit: is it as it was written?"""

import click

from fleet import create_worker
from fleet.commands.errors import one_clear_line
from fleet.config import Settings


@click.group()
def audit() -> None:
    """The record of who changed what."""


@audit.command()
@one_clear_line
def verify() -> None:
    """Hold every entry against the hash chain; name the first that does not fit."""
    from fleet.store.database import db, snapshot
    from fleet.store.queries.audit_chain import verify as verify_chain

    with create_worker(Settings.from_env()).app_context(), snapshot(db.engine) as connection:
        verdict = verify_chain(connection)
    if verdict.problem:
        raise SystemExit(f"fleet: audit: {verdict.problem}")
    click.echo(f"{verdict.entries} entries, unbroken; the last is {verdict.end.id} with hash")
    click.echo(verdict.end.hash)


COMMANDS = (audit,)

"""Backup, restore and drill; docs/recovery.md says when to use which."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from fleet.commands.errors import one_clear_line
from fleet.commands.inside import inside
from fleet.config import Settings
from fleet.recovery.restore import How, Restored
from fleet.store.recovery import RecoveryDrill

_A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--to", type=click.Path(path_type=Path), help="A folder; default FLEET_BACKUP_DIR.")
@click.option("--keep", type=click.IntRange(1), help="So many newest; default FLEET_BACKUP_KEEP.")
@one_clear_line
def backup(to: Path | None, keep: int | None) -> None:
    """Take a backup of database, keys and settings while everything runs."""
    from fleet.recovery.backup import take_backup

    settings = Settings.from_env()
    with inside(settings):
        taken = take_backup(
            settings,
            (to or settings.backup_dir).absolute(),
            keep or settings.backup_keep,
            "cli",
            datetime.now(UTC),
        )
    facts = taken.manifest.facts
    click.echo(f"{taken.path}: {facts.rows} rows in {len(facts.tables)} tables")
    if facts.audit is not None:
        click.echo(f"the audit ends with entry {facts.audit.id}, hash {facts.audit.hash}")


@click.command()
@click.argument("file", type=_A_FILE, required=False)
@click.option("--litestream", is_flag=True, help="From the replica at FLEET_LITESTREAM_URL.")
@click.option("--at", metavar="TIME", help="With --litestream: as of 2026-11-24T03:15:00Z.")
@click.option("--force", is_flag=True, help="Put aside what is there, or go on after a crash.")
@click.option("--keep-tokens", is_flag=True, help="Leave API tokens valid.")
@one_clear_line
def restore(
    file: Path | None, litestream: bool, at: str | None, force: bool, keep_tokens: bool
) -> None:
    """Put a backup in place of the database and the keys."""
    from fleet.recovery.restore import restore as restore_file
    from fleet.recovery.restore import restore_replica

    if (file is None) != litestream:
        raise click.UsageError("name a backup file, or say --litestream")
    if at and not litestream:
        raise click.UsageError("--at goes with --litestream: a file is of one moment")
    settings, how = Settings.from_env(), How("cli", datetime.now(UTC), force, keep_tokens)
    if file is None:
        _report(restore_replica(settings, _moment(at), how), keep_tokens)
    else:
        _report(restore_file(settings, file, how), keep_tokens)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text}: must look like 2026-11-24T03:15:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _report(restored: Restored, keep_tokens: bool) -> None:
    click.echo("restored")
    for place in restored.aside:
        click.echo(f"what was there is kept: {place}")
    for name, value in restored.settings.items():
        click.echo(f"it was taken with {name}={value}")
    if restored.revoked:
        click.echo(f"of {restored.revoked} devices a certificate was revoked since: it stays so")
    _say_what_is_lost(restored.lost, keep_tokens)


def _say_what_is_lost(lost: timedelta, keep_tokens: bool) -> None:
    click.echo(f"lost: the last {_in_words(lost)}, with the readings that were acked in it")
    click.echo("everybody signs in again; look through the users: a change since is undone")
    if not keep_tokens:
        click.echo("all API tokens are revoked; make new ones on /it/tokens")


def _in_words(lost: timedelta) -> str:
    """Rounded up: 0:00:20 -> "1 min"."""
    hours, minutes = divmod(-(-lost // timedelta(minutes=1)), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@click.command()
@click.option("--keep-tokens", is_flag=True, help="Leave API tokens valid.")
@one_clear_line
def recovered(keep_tokens: bool) -> None:
    """After PostgreSQL went back to a moment: raise every counter beyond what was seen since."""
    from fleet.recovery.restore import recovered_in_place

    how = How("cli", datetime.now(UTC), keep_tokens=keep_tokens)
    _say_what_is_lost(recovered_in_place(Settings.from_env(), how), keep_tokens)


@click.command()
@click.argument("file", type=_A_FILE, required=False)
@click.option("--history", is_flag=True, help="Print the proofs there are, the newest first.")
@one_clear_line
def drill(file: Path | None, history: bool) -> None:
    """Restore the newest backup (or FILE) beside the running system, and keep the proof."""
    from fleet.recovery.drill import run_drill
    from fleet.store.queries.recovery import drills

    settings = Settings.from_env()
    with inside(settings):
        if not history:
            run_drill(settings, file, "cli", datetime.now(UTC))
        found = drills(100 if history else 1)
        for proof in found:
            click.echo(_line(proof))
        if not history and not found[0].passed:
            raise SystemExit(1)


def _line(proof: RecoveryDrill) -> str:
    what = f"{proof.file or 'no backup'}: {proof.rows} rows in {proof.tables} tables"
    verdict = "passed" if proof.passed else f"FAILED: {proof.problem}"
    sha256 = f", sha256 {proof.sha256}" if proof.sha256 else ""
    return f"{proof.at:%Y-%m-%d %H:%M:%S}Z {what} in {proof.duration_s:.1f} s{sha256}: {verdict}"


COMMANDS = (backup, restore, recovered, drill)

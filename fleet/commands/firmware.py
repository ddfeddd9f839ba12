"""Firmware: manifests are written where releases are built, and entered where the service runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from fleet.commands.errors import one_clear_line, what_the_user_can_put_right
from fleet.commands.inside import inside
from fleet.commands.keys import A_FILE, NEW_FILE, envelope_in, write_unsigned
from fleet.config import Settings


@click.group()
def firmware() -> None:
    """Firmware releases, and what is signed for them."""


@firmware.command()
@click.argument("file", type=A_FILE)
@click.argument("out", type=NEW_FILE)
@click.option("--version", required=True, help="Dotted numbers, like 4.2.0.")
@click.option("--hardware", required=True, multiple=True, help="Make and type that it is for.")
@click.option("--counter", required=True, type=click.IntRange(1), help="Higher than any before.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650))
@click.option("--min-soc", type=click.IntRange(0, 100), help="Charge in % that installing needs.")
@click.option("--on-mains", is_flag=True, help="Install only while plugged in.")
@click.option("--idle", is_flag=True, help="Install only while nobody uses it.")
@one_clear_line
def manifest(
    file: Path,
    out: Path,
    version: str,
    hardware: tuple[str, ...],
    counter: int,
    days: int,
    min_soc: int | None,
    on_mains: bool,
    idle: bool,
) -> None:
    """Write the manifest of FILE to OUT, to be signed by a release key."""
    from fleet.signing.ceremony import firmware_manifest
    from fleet.trust.documents import Requires

    with what_the_user_can_put_right():
        document = firmware_manifest(
            file,
            version,
            hardware,
            counter,
            datetime.now(UTC),
            timedelta(days=days),
            Requires(min_soc, on_mains, idle),
        )
    write_unsigned(document, out)


@firmware.command()
@click.argument("signed_manifest", type=A_FILE)
@click.argument("out", type=NEW_FILE)
@click.option("--seen", required=True, type=click.IntRange(1),
              help="For devices that have seen at most this release counter.")  # fmt: skip
@click.option("--why", required=True)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 365))
@one_clear_line
def downgrade(signed_manifest: Path, out: Path, seen: int, why: str, days: int) -> None:
    """Write leave to go back to the release of SIGNED_MANIFEST, to be signed by the root keys."""
    from fleet.signing.ceremony import downgrade_to
    from fleet.trust.envelope import payload_digest

    digest = payload_digest(envelope_in(signed_manifest))
    with what_the_user_can_put_right():
        document = downgrade_to(digest, seen, why, datetime.now(UTC), timedelta(days=days))
    write_unsigned(document, out)


@firmware.group()
def release() -> None:
    """Releases that this service has."""


@release.command()
@click.argument("file", type=A_FILE)
@click.option("--manifest", "manifest_file", required=True, type=A_FILE)
@click.option("--downgrade", "downgrade_file", type=A_FILE,
              help="The root's leave, where the counter goes back.")  # fmt: skip
@one_clear_line
def add(file: Path, manifest_file: Path, downgrade_file: Path | None) -> None:
    """Enter FILE with its signed manifest. Nothing is installed by it."""
    from fleet.services.add_release import add_release
    from fleet.store.artifacts import Artifacts

    settings = Settings.from_env()
    envelope = envelope_in(manifest_file)
    leave = envelope_in(downgrade_file) if downgrade_file else None
    with inside(settings):
        added = add_release(
            file, envelope, Artifacts(settings.data_dir), "cli", datetime.now(UTC), leave
        )
    word = "new" if added.is_new else "there already"
    click.echo(f"release {added.id}: version {added.version} ({word})")


@release.command("allow-downgrade")
@click.argument("file", type=A_FILE)
@one_clear_line
def allow_downgrade(file: Path) -> None:
    """Enter the root's leave in FILE to go back to an older release."""
    from fleet.services.allow_downgrade import allow_downgrade as enter

    with inside():
        version = enter(envelope_in(file), "cli", datetime.now(UTC))
    click.echo(f"devices may go back to version {version}")


COMMANDS = (firmware,)

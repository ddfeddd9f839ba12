"""What hospital IT enters once: the hospital, its wards, profiles, the first administrator."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from fleet.commands.errors import one_clear_line
from fleet.commands.inside import inside
from fleet.commands.keys import A_FILE, NEW_FILE, envelope_in, write_unsigned
from fleet.config import ROOT
from fleet.domain.access import Role


@click.group()
def profile() -> None:
    """Configuration profiles."""


@profile.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@one_clear_line
def load(paths: tuple[Path, ...]) -> None:
    """Make immutable versions of profile files (default: firmware_profiles/)."""
    from fleet.services.load_profiles import load_profiles

    with inside():
        for loaded in load_profiles(
            list(paths) or [ROOT / "firmware_profiles"], "cli", datetime.now(UTC)
        ):
            word = "new" if loaded.is_new else "unchanged"
            click.echo(f"{loaded.slug} version {loaded.number} ({word})")


@profile.command()
@click.argument("slug")
@click.argument("number", type=click.IntRange(1))
@click.argument("out", type=NEW_FILE)
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 3650))
@one_clear_line
def manifest(slug: str, number: int, out: Path, days: int) -> None:
    """Write the manifest of a profile's version to OUT, to be signed by a release key."""
    from fleet.services.sign_profile import manifest_of

    with inside():
        document = manifest_of(slug, number, datetime.now(UTC), timedelta(days=days))
    write_unsigned(document, out)


@profile.command()
@click.argument("slug")
@click.argument("number", type=click.IntRange(1))
@click.argument("signed_manifest", type=A_FILE)
@one_clear_line
def sign(slug: str, number: int, signed_manifest: Path) -> None:
    """Enter the signed manifest of a profile's version; its devices are told it anew."""
    from fleet.services.sign_profile import sign_profile

    envelope = envelope_in(signed_manifest)
    with inside():
        told = sign_profile(slug, number, envelope, "cli", datetime.now(UTC))
    click.echo(f"{slug} version {number} is signed; {told} devices are told")


@click.group()
def site() -> None:
    """Hospitals."""


@site.command("add")
@click.argument("slug")
@click.argument("name")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name.")
@one_clear_line
def site_add(slug: str, name: str, timezone: str) -> None:
    """Enter a hospital."""
    from fleet.services.places import add_site

    with inside():
        add_site(slug, name, timezone, "cli", datetime.now(UTC))


@click.group()
def ward() -> None:
    """Wards of a hospital."""


@ward.command("add")
@click.argument("site_slug")
@click.argument("slug")
@click.argument("name")
@click.option("--zone", "zones", multiple=True, metavar="CODE=NAME", help="A place in it.")
@one_clear_line
def ward_add(site_slug: str, slug: str, name: str, zones: tuple[str, ...]) -> None:
    """Enter a ward: WARD's board is then at /wards/SLUG."""
    from fleet.services.places import add_ward

    pairs = [(code, name) for code, _, name in (zone.partition("=") for zone in zones)]
    with inside():
        add_ward(site_slug, slug, name, "cli", datetime.now(UTC), pairs)


@click.command("setup-link")
@one_clear_line
def setup_link() -> None:
    """Print a new link for the first administrator, if there is none yet."""
    from fleet.services.first_administrator import offer

    with inside() as settings:
        token = offer(datetime.now(UTC))
    if token is None:
        raise SystemExit("fleet: there is an administrator already")
    click.echo(f"{settings.pages_url}/setup/{token}")


@click.group()
def user() -> None:
    """People who may change things."""


@user.command("add")
@click.argument("username")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--at", "where", default="everything", show_default=True, metavar="PLACE",
              help="Or site:SLUG, ward:SLUG.")  # fmt: skip
@click.password_option(help="Asked for where it is not given.")
@one_clear_line
def user_add(username: str, role: str, where: str, password: str) -> None:
    """Enter another one, with a role that holds in everything, in a site or in a ward."""
    from fleet.services.add_user import add_user

    with inside():
        add_user(username, password, "cli", datetime.now(UTC), role, where)


COMMANDS = (profile, site, ward, setup_link, user)

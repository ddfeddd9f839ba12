"""A Mosquitto of one's own, configured as `fleet up` configures its private one."""

from datetime import UTC, datetime
from pathlib import Path

import click

from fleet.commands.errors import one_clear_line
from fleet.config import SettingError, Settings


@click.group()
def broker() -> None:
    """A broker of one's own."""


@broker.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", "names", multiple=True, required=True, metavar="HOST",
              help="A host name or address by which devices reach it.")  # fmt: skip
@click.option("--port", default=8883, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--listen", default="0.0.0.0", show_default=True, metavar="ADDRESS")  # noqa: S104
@click.option("--at", type=click.Path(path_type=Path), metavar="PATH",
              help="Where FOLDER will lie on the broker's machine, if not there.")  # fmt: skip
@one_clear_line
def config(folder: Path, names: tuple[str, ...], port: int, listen: str, at: Path | None) -> None:
    """Write to FOLDER what a Mosquitto needs: configuration, who may do what, certificates.

    Mutual TLS, each device on its own topics. Signed by this installation's authority, which is
    made if there is none yet.
    """
    from fleet.broker import write_for_elsewhere
    from fleet.environment import is_host
    from fleet.pki.folder import AuthorityError

    if wrong := [name for name in names if not is_host(name)]:
        raise click.BadParameter(f"{wrong[0]}: must be a host name or an address")
    settings = Settings.from_env()
    settings.make_data_dir()
    now = datetime.now(UTC)
    try:
        authority = settings.pki.make(settings.server_names(), now)
        write_for_elsewhere(folder, settings.pki, authority, names, (listen, port), at, now)
    except AuthorityError as error:
        raise SettingError(str(error)) from error
    except OSError as error:
        raise SettingError(f"{folder}: cannot be written ({error.strerror})") from error
    click.echo(f"{folder}: say `include_dir {at or folder.absolute()}/conf.d` in mosquitto.conf")
    click.echo(f"the service: FLEET_MQTT_URL=mqtts://{names[0]}:{port}")
    click.echo(f"whenever {settings.pki.crl} changes: copy it there and send Mosquitto a SIGHUP")
    click.echo("this certificate is for 90 days: run this again, and reload, before two months")


COMMANDS = (broker,)

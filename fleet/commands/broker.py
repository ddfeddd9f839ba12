"""A broker of one's own, configured as `fleet up` configures its private Mosquitto."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleet.commands.errors import one_clear_line
from fleet.config import SettingError, Settings
from fleet.signals import stop_on_signals

if TYPE_CHECKING:
    from fleet.broker.elsewhere import Elsewhere
    from fleet.pki.authority import Authority

LOOK_EVERY_S = 5.0
AFTER_FAILURE_S = 30.0


@click.group()
def broker() -> None:
    """A broker of one's own."""


@broker.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", "names", multiple=True, required=True, metavar="HOST",
              help="A host name or address by which devices reach it.")  # fmt: skip
@click.option("--for", "kind", default="mosquitto", show_default=True,
              type=click.Choice(["mosquitto", "emqx"]), help="Which broker; EMQX 5.")  # fmt: skip
@click.option("--port", default=8883, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--listen", default="0.0.0.0", show_default=True, metavar="ADDRESS")  # noqa: S104
@click.option("--at", type=click.Path(path_type=Path), metavar="PATH",
              help="Where FOLDER will lie on the broker's machine, if not there.")  # fmt: skip
@click.option("--then", metavar="COMMAND",
              help="What brings FOLDER to the broker, and has it reload; run by sh where something "
              "has changed, again until it succeeds.")  # fmt: skip
@click.option("--watch", is_flag=True, help="Go on, and look every 5 s; with --then.")
@one_clear_line
def config(
    folder: Path,
    names: tuple[str, ...],
    kind: str,
    port: int,
    listen: str,
    at: Path | None,
    then: str | None,
    watch: bool,
) -> None:
    """Write to FOLDER what a broker needs: configuration, who may do what, certificates.

    Mutual TLS, each device on its own topics. Signed by this installation's authority, which is
    made if there is none yet. A second run renews what is due, and changes nothing else.
    """
    from fleet.broker.elsewhere import Elsewhere, Kind
    from fleet.environment import is_host

    if wrong := [name for name in names if not is_host(name)]:
        raise click.BadParameter(f"{wrong[0]}: must be a host name or an address")
    if watch and then is None:
        raise click.UsageError("--watch: must come with --then")
    settings = Settings.from_env()
    if kind == Kind.EMQX and settings.crl_url is None:
        raise SettingError(
            "FLEET_CRL_URL: must be set for EMQX, which fetches the revocation list: the address "
            f"at which {folder}/crl.pem will be served to it"
        )
    settings.make_data_dir()
    it = Elsewhere(Kind(kind), folder, names, (listen, port), at or folder.absolute())
    if not watch:
        _explain(it, settings)
    _refresh(it, settings, lambda: settings.pki.make(settings.server_names(), datetime.now(UTC)))
    failed = it.hand_over(then) if then else None
    if watch and then:
        _watch(it, settings, then, failed)
    elif failed:
        raise SettingError(f"--then: {failed}; it is tried again at the next run")


def _refresh(it: "Elsewhere", settings: Settings, authority: Callable[[], "Authority"]) -> None:
    """Raises SettingError."""
    from fleet.pki.folder import AuthorityError

    try:
        it.refresh(settings.pki, authority(), datetime.now(UTC))
    except AuthorityError as error:
        raise SettingError(str(error)) from error
    except OSError as error:
        raise SettingError(
            f"{error.filename or it.folder}: cannot be written or read ({error.strerror})"
        ) from error


def _watch(it: "Elsewhere", settings: Settings, then: str, failed: str | None) -> None:
    """Until SIGINT or SIGTERM. What the service itself has, `schedule` renews."""
    stop = stop_on_signals()
    while not stop.wait(AFTER_FAILURE_S if failed else LOOK_EVERY_S):
        try:
            _refresh(it, settings, settings.pki.authority)
            failed = it.hand_over(then)
        except SettingError as error:
            failed = str(error)
        if failed:
            click.echo(f"fleet: {failed}; trying again in {AFTER_FAILURE_S:.0f} s", err=True)


def _explain(it: "Elsewhere", settings: Settings) -> None:
    from fleet.broker.elsewhere import Kind

    if it.kind is Kind.EMQX:
        click.echo(f"{it.folder}: put what stands in wardfleet.hocon into EMQX's etc/base.hocon")
        click.echo(f"serve {it.folder}/crl.pem at {settings.crl_url}")
    else:
        click.echo(f"{it.folder}: say `include_dir {it.at}/conf.d` in mosquitto.conf")
    click.echo(f"the service: FLEET_MQTT_URL=mqtts://{it.names[0]}:{it.listen[1]}")
    click.echo("run it again and again, or with --watch: see docs/enrolment.md")


COMMANDS = (broker,)

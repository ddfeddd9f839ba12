"""The device's side: simulated devices, and this machine as one."""

from pathlib import Path

import click

from fleet.commands.errors import one_clear_line, what_the_user_can_put_right
from fleet.commands.keys import A_FILE
from fleet.commands.processes import demo_options
from fleet.config import Settings
from fleet.signals import stop_on_signals


@click.command()
@demo_options
@click.option("--speed", default=20.0, show_default=True, type=click.FloatRange(0.1, 1000),
              help="Simulated seconds in a real one.")  # fmt: skip
@click.option("--server", metavar="URL", help="The service, for firmware; http://host:port.")
@click.option("--trust", "trust_file", type=A_FILE, help="The first trust document.")
@one_clear_line
def simulate(speed: float, server: str | None, trust_file: Path | None, **size: int) -> None:
    """Simulate the devices of a hospital, each with an MQTT connection of its own."""
    from fleet.demo import Demo
    from fleet.simulator.fleet import run_fleet

    settings = Settings.from_env()
    demo = Demo(**size)
    with what_the_user_can_put_right():
        run_fleet(
            demo.roster(),
            settings.mqtt_url,
            settings.data_dir / "simulated",
            stop_on_signals(),
            seed=demo.seed,
            speed=speed,
            server=server or f"http://{settings.http_host}:{settings.http_port}",
            trust=trust_file.read_bytes() if trust_file else None,
        )


class _DeviceOrCommand(click.Group):
    """`fleet agent cart-017` is short for `fleet agent run cart-017`."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(context, args)


@click.group(cls=_DeviceOrCommand)
def agent() -> None:
    """This machine (laptop, tablet or cart) as a device: `fleet agent DEVICE_ID` reports it."""


@agent.command()
@click.argument("device_id")
@click.option(
    "--app", "apps", multiple=True, metavar="NAME[=PROCESS]", help="A process that must run."
)
@click.option("--interval", default=30, show_default=True, type=click.IntRange(1, 3600))
@click.option("--server", metavar="URL", help="The service, for firmware; http://host:port.")
@click.option("--trust", "trust_file", type=A_FILE, help="The first trust document: from then on "
              "unsigned profiles are refused.")  # fmt: skip
@one_clear_line
def run(
    device_id: str,
    apps: tuple[str, ...],
    interval: int,
    server: str | None,
    trust_file: Path | None,
) -> None:
    """Report this machine as DEVICE_ID."""
    from fleet.device.apps import AppSpec
    from fleet.device.run import run_agent

    settings = Settings.from_env()
    with what_the_user_can_put_right():
        run_agent(
            settings.mqtt_url,
            device_id,
            settings.data_dir / "agent",
            stop_on_signals(),
            apps=[AppSpec.parse(text) for text in apps],
            interval_s=interval,
            server=server or f"http://{settings.http_host}:{settings.http_port}",
            trust=trust_file.read_bytes() if trust_file else None,
        )


@agent.command()
@click.argument("code")
@one_clear_line
def enrol(code: str) -> None:
    """Get this machine its certificate by the CODE on its label (in quotation marks)."""
    from fleet.device.enrol import enrol as enrol_machine
    from fleet.device.est import Invitation

    settings = Settings.from_env()
    with what_the_user_can_put_right():
        invitation = Invitation.parse(code)
        if enrol_machine(invitation, settings.data_dir / "agent", stop_on_signals(), click.echo):
            click.echo(f"enrolled: fleet agent {invitation.device_id}")


COMMANDS = (simulate, agent)

"""The `fleet` command."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import OperationalError

from fleet import create_worker
from fleet.config import SettingError, Settings
from fleet.services.errors import ServiceError
from fleet.signals import stop_on_signals

ROOT = Path(__file__).resolve().parents[1]


def _one_clear_line(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a person can put right is told in a line, not in a stack trace."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (SettingError, ServiceError) as error:
            raise SystemExit(f"fleet: {error}") from error
        except OperationalError as error:
            raise SystemExit(f"fleet: the database does not answer: {error.orig}") from error

    return run


@contextmanager
def _what_the_user_can_put_right() -> Iterator[None]:
    """The device side has no errors of its own kind: a bad name, a folder that is not ours."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise SettingError(str(error)) from error


@click.group()
@click.option("--verbose", is_flag=True, help="Say more of what happens.")
def main(verbose: bool) -> None:
    """Wardfleet: the mobile devices of nurses and clinicians, recorded and kept charged."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )


def _demo_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, default in (("seed", 1), ("tablets", 72), ("carts", 48), ("wards", 6)):
        low = 1 if name == "wards" else 0
        option = click.option(
            f"--{name}", default=default, show_default=True, type=click.IntRange(low)
        )
        command = option(command)
    return command


@main.command()
@click.option("--demo", is_flag=True, help="With a simulated hospital.")
@_demo_options
@_one_clear_line
def up(demo: bool, **size: int) -> None:
    """Start everything on this machine: broker, ingest, schedule and web."""
    from fleet.demo import Demo
    from fleet.up import up as run_up

    run_up(Settings.from_env(), Demo(**size) if demo else None)


@main.command()
@click.option("--back-to", metavar="REVISION", help="To an older schema, before an older version.")
@_one_clear_line
def migrate(back_to: str | None) -> None:
    """Bring the database to the newest schema, while everything runs."""
    from alembic.util import CommandError

    from fleet.store.migrate import downgrade, upgrade

    settings = Settings.from_env()
    settings.make_data_dir()
    try:
        downgrade(settings.database_url, back_to) if back_to else upgrade(settings.database_url)
    except CommandError as error:
        raise SettingError(f"--back-to {back_to}: {error}") from error


@main.command()
@_one_clear_line
def web() -> None:
    """Serve the pages and the API."""
    settings = Settings.from_env()
    bind = f"{settings.http_host}:{settings.http_port}"
    sys.argv = [
        "gunicorn",
        f"--bind={bind}",
        "--worker-class=gthread",
        "--workers=2",
        "--threads=8",
        "--preload",
        "--log-level=warning",
        f"--chdir={ROOT}",
        "wsgi:app",
    ]
    from gunicorn.app.wsgiapp import run

    run()


@main.command()
@_one_clear_line
def ingest() -> None:
    """Record what devices report."""
    from fleet.dispatch.acks import send_acks
    from fleet.dispatch.publisher import Publisher
    from fleet.ingest.consumer import Consumer
    from fleet.ingest.run import run_ingest

    settings = Settings.from_env()
    publisher = Publisher(settings.mqtt_url, "wardfleet-acks")
    publisher.start()
    run_ingest(
        create_worker(settings),
        Consumer(settings.mqtt_url),
        lambda acks: send_acks(publisher, acks.items()),
        stop_on_signals(),
    )
    publisher.stop()


@main.command()
@_one_clear_line
def schedule() -> None:
    """Do what happens by the clock."""
    from fleet.jobs.run import run_schedule

    settings = Settings.from_env()
    run_schedule(create_worker(settings), settings, stop_on_signals())


@main.command()
@_demo_options
@click.option("--speed", default=20.0, show_default=True, type=click.FloatRange(0.1, 1000),
              help="Simulated seconds in a real one.")  # fmt: skip
@_one_clear_line
def simulate(speed: float, **size: int) -> None:
    """Simulate the devices of a hospital, each with an MQTT connection of its own."""
    from fleet.demo import Demo
    from fleet.simulator.fleet import run_fleet

    settings = Settings.from_env()
    demo = Demo(**size)
    with _what_the_user_can_put_right():
        run_fleet(
            demo.roster(),
            settings.mqtt_url,
            settings.data_dir / "simulated",
            stop_on_signals(),
            seed=demo.seed,
            speed=speed,
        )


@main.command()
@click.argument("device_id")
@click.option(
    "--app", "apps", multiple=True, metavar="NAME[=PROCESS]", help="A process that must run."
)
@click.option("--interval", default=30, show_default=True, type=click.IntRange(1, 3600))
@_one_clear_line
def agent(device_id: str, apps: tuple[str, ...], interval: int) -> None:
    """Report this machine (laptop, tablet or cart) as DEVICE_ID."""
    from fleet.device.apps import AppSpec
    from fleet.device.run import run_agent

    settings = Settings.from_env()
    with _what_the_user_can_put_right():
        run_agent(
            settings.mqtt_url,
            device_id,
            settings.data_dir / "agent",
            stop_on_signals(),
            apps=[AppSpec.parse(text) for text in apps],
            interval_s=interval,
        )


@main.group()
def profile() -> None:
    """Configuration profiles."""


@profile.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@_one_clear_line
def load(paths: tuple[Path, ...]) -> None:
    """Make immutable versions of profile files (default: firmware_profiles/)."""
    from fleet.services.load_profiles import load_profiles

    with create_worker(Settings.from_env()).app_context():
        for loaded in load_profiles(
            list(paths) or [ROOT / "firmware_profiles"], "cli", datetime.now(UTC)
        ):
            word = "new" if loaded.is_new else "unchanged"
            click.echo(f"{loaded.slug} version {loaded.number} ({word})")


@main.group()
def site() -> None:
    """Hospitals."""


@site.command("add")
@click.argument("slug")
@click.argument("name")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name.")
@_one_clear_line
def site_add(slug: str, name: str, timezone: str) -> None:
    """Enter a hospital."""
    from fleet.services.places import add_site

    with create_worker(Settings.from_env()).app_context():
        add_site(slug, name, timezone, "cli", datetime.now(UTC))


@main.group()
def ward() -> None:
    """Wards of a hospital."""


@ward.command("add")
@click.argument("site_slug")
@click.argument("slug")
@click.argument("name")
@click.option("--zone", "zones", multiple=True, metavar="CODE=NAME", help="A place in it.")
@_one_clear_line
def ward_add(site_slug: str, slug: str, name: str, zones: tuple[str, ...]) -> None:
    """Enter a ward: WARD's board is then at /wards/SLUG."""
    from fleet.services.places import add_ward

    pairs = [(code, name) for code, _, name in (zone.partition("=") for zone in zones)]
    with create_worker(Settings.from_env()).app_context():
        add_ward(site_slug, slug, name, "cli", datetime.now(UTC), pairs)


@main.command("setup-link")
@_one_clear_line
def setup_link() -> None:
    """Print a new link for the first administrator, if there is none yet."""
    from fleet.services.first_administrator import offer

    settings = Settings.from_env()
    with create_worker(settings).app_context():
        token = offer(datetime.now(UTC))
    if token is None:
        raise SystemExit("fleet: there is an administrator already")
    click.echo(f"http://{settings.http_host}:{settings.http_port}/setup/{token}")


if __name__ == "__main__":
    main()

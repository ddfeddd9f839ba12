"""The service's processes: all of them, or one."""

import gc
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import click

from fleet import create_worker
from fleet.commands.errors import one_clear_line
from fleet.config import Settings
from fleet.signals import stop_on_signals


def demo_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The size of the simulated hospital."""
    for name, default in (("seed", 1), ("tablets", 72), ("carts", 48), ("wards", 6)):
        low = 1 if name == "wards" else 0
        option = click.option(
            f"--{name}", default=default, show_default=True, type=click.IntRange(low)
        )
        command = option(command)
    return command


@click.command()
@click.option("--demo", is_flag=True, help="With a simulated hospital.")
@demo_options
@one_clear_line
def up(demo: bool, **size: int) -> None:
    """Start everything on this machine: broker, ingest, schedule and web."""
    from fleet.demo import Demo
    from fleet.up import up as run_up

    run_up(Settings.from_env(), Demo(**size) if demo else None)


@click.command()
@one_clear_line
def web() -> None:
    """Serve the pages and the API."""
    from fleet.serve import serve

    serve(Settings.from_env())


def collect_rarely() -> None:
    """For a process that makes tens of thousands of objects a batch, all gone when it is committed.

    The collector would look through them a hundred times a batch: a fifth of the work.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


@click.command()
@one_clear_line
def ingest() -> None:
    """Record what devices report."""
    from fleet.dispatch.acks import ack_packets
    from fleet.ingest.consumer import Consumer
    from fleet.ingest.run import run_ingest
    from fleet.store.clock import service_clock

    settings = Settings.from_env()
    app = create_worker(settings)
    with app.app_context():
        clock = service_clock()
    name = f"wardfleet-ingest-{uuid4().hex[:12]}"
    consumer = Consumer(settings.mqtt_url, name, clock.reckoned, settings.mqtt_tls("ingest"))
    collect_rarely()
    run_ingest(
        app,
        consumer,
        lambda acks: consumer.write(ack_packets(acks.items())),
        stop_on_signals(),
    )


@click.command()
@one_clear_line
def schedule() -> None:
    """Do what happens by the clock."""
    from fleet.jobs.run import run_schedule

    settings = Settings.from_env()
    run_schedule(create_worker(settings), settings, stop_on_signals())


@click.command()
@one_clear_line
def est() -> None:
    """Enrol devices: EST (RFC 7030) over HTTPS."""
    from fleet.serve import serve_est

    serve_est(Settings.from_env())


COMMANDS = (up, web, ingest, schedule, est)

"""Fault 20: a command for a device that stays offline past its expiry is never executed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from fleet.dispatch.publisher import Publisher
from fleet.dispatch.speak import speak
from fleet.services.send_command import expire_commands, send_command
from fleet.simulator.fleet import Fleet
from fleet.simulator.roster import demo_roster
from fleet.store.queries.commands import commands_of
from tests.support.agents import running
from tests.support.broker import Broker
from tests.support.hospital import build_hospital
from tests.support.waiting import wait_until

CART = "cart-001"


def test_fault_20_a_command_past_its_expiry_is_never_executed_and_shown_expired(
    worker: Flask, fresh_broker: Broker, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    fleet = Fleet(demo_roster(), fresh_broker.url, tmp_path, interval_s=1)
    publisher = Publisher(fresh_broker.url, "speaker")
    publisher.start()
    with worker.app_context():
        build_hospital(with_profile=False)
        wait_until(lambda: publisher.is_connected)
        with running(fleet):
            agent, hardware = fleet.agents[CART], fleet.hardware[CART]
            wait_until(lambda: agent.is_connected, timeout=60)
            hardware.go_silent()
            wait_until(lambda: not agent.is_connected)
            send_command(CART, "locate", "user:ada", now, 60)
            wait_until(lambda: speak(publisher, now + timedelta(seconds=58)))
            # The broker counts two seconds more; one for the outbox, of which nothing is left.
            send_command(CART, "lock", "user:ada", now, 60)
            assert speak(publisher, now + timedelta(seconds=61)) == 1
            assert expire_commands(now + timedelta(seconds=90)) == 2
            hardware.come_back()
            wait_until(lambda: agent.is_connected, timeout=60)
            send_command(CART, "reboot", "user:ada", now + timedelta(seconds=100))
            wait_until(lambda: speak(publisher, now + timedelta(seconds=100)))
            wait_until(lambda: "reboot" in hardware.executed, timeout=30)
        assert hardware.executed == ["reboot"]
        states = {row.name: row.state for row in commands_of(CART)}
        assert states == {"locate": "expired", "lock": "expired", "reboot": "published"}
    publisher.stop()

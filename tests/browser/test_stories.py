"""The two stories that count, in a real browser over the whole system."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from fleet import create_worker
from fleet.config import Settings
from fleet.device.credentials import Credentials
from fleet.services.load_profiles import load_profiles
from fleet.simulator.device import SimulatedHardware
from fleet.simulator.fleet import Fleet
from fleet.simulator.roster import demo_roster
from fleet.store.database import db
from fleet.store.migrate import upgrade
from fleet.store.models import Configuration
from tests.support.browser import Pages, axe_violations
from tests.support.hospital import PROFILES, build_hospital
from tests.support.processes import free_port, start, stop
from tests.support.waiting import wait_until

PASSWORD = "correct horse battery"


class Hospital(NamedTuple):
    address: str
    greeting: Path
    cart: SimulatedHardware
    settings: Settings


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    """`fleet up` over a small hospital, and two carts that do only what the test tells them."""
    http_port, mqtt_port = free_port(), free_port()
    environ = {
        "FLEET_DATA_DIR": str(tmp_path / "data"),
        "FLEET_HTTP_PORT": str(http_port),
        "FLEET_MQTT_PORT": str(mqtt_port),
        "FLEET_EST_PORT": str(free_port()),
    }
    settings = Settings.from_env(environ)
    settings.make_data_dir()
    authority = settings.pki.make(settings.server_names(), datetime.now(UTC))
    upgrade(settings.database_url)
    with create_worker(settings).app_context():
        now = datetime.now(UTC)
        build_hospital(now=now)
        text = (PROFILES / "medication-cart.yaml").read_text()
        (tmp_path / "two.yaml").write_text(text.replace("auto_lock_s: 120", "auto_lock_s: 30"))
        load_profiles([tmp_path / "two.yaml"], "test", now)
    command = [sys.executable, "-m", "fleet.cli", "up"]
    greeting = tmp_path / "greeting.txt"
    with greeting.open("wb") as output:
        service = start(command, env=environ | {"PATH": "/usr/bin:/bin"}, stdout=output)
    roster = demo_roster(wards=1, carts=2, tablets=0)
    for device in roster.devices:
        credentials = Credentials(tmp_path / "fleet", device.device_id)
        key = credentials.request().public_key()
        signed = authority.sign_client(key, device.device_id, datetime.now(UTC))
        credentials.keep([signed], settings.pki.ca.read_bytes())
    fleet = Fleet(roster, settings.mqtt_url, tmp_path / "fleet", speed=0, interval_s=1)
    ended = Event()
    devices = Thread(target=fleet.run, args=(ended,))
    cart = fleet.hardware["cart-001"]
    cart.unplug()
    cart.set_soc(90)
    devices.start()
    address = f"http://127.0.0.1:{http_port}"
    yield Hospital(address, greeting, cart, settings)
    ended.set()
    devices.join()
    stop(service)


def setup_link(hospital: Hospital) -> str:
    """What `fleet up` prints once everything runs."""
    found = wait_until(
        lambda: re.search(r"http\S+/setup/\S+", hospital.greeting.read_text()),
        timeout=40,
        what="the greeting",
    )
    return found[0]


def test_a_cart_goes_from_take_to_plug_in_now_because_it_said_so(
    hospital: Hospital, page: Pages
) -> None:
    setup_link(hospital)
    board = page("phone", base_url=hospital.address)
    board.goto("/wards/ward-3a")
    best = board.locator("#best")
    expect(best).to_contain_text("CART-001", timeout=40_000)
    hospital.cart.set_soc(12)
    low = board.locator("section, div", has=board.get_by_role("heading", name="Plug in now"))
    expect(low.last).to_contain_text("CART-001", timeout=40_000)
    expect(best).not_to_contain_text("CART-001")
    assert axe_violations(board) == []


def test_it_assigns_a_profile_and_the_device_complies(hospital: Hospital, page: Pages) -> None:
    console = page("wall", base_url=hospital.address)
    console.goto(setup_link(hospital))
    console.get_by_label("User name").fill("ada")
    console.locator("[name=password]").fill(PASSWORD)
    console.locator("[name=again]").fill(PASSWORD)
    console.get_by_role("button", name="Make the account").click()
    console.goto("/it/profiles/medication-cart")
    console.locator("select[name=number]").select_option("2")
    console.locator("[name=device_id]").fill("cart-001")
    console.get_by_role("button", name="Assign").click()
    expect(console.get_by_role("status")).to_contain_text("Version 2 is assigned to device")
    worker = create_worker(hospital.settings)

    def has_applied() -> bool:
        with worker.app_context():
            found = db.session.get(Configuration, 1)
            return found is not None and found.reported_generation == 2

    wait_until(has_applied, timeout=40, interval=0.2)
    console.goto("/it/devices/cart-001")
    row = console.get_by_role("row", name="settings.auto_lock_s")
    expect(row).to_contain_text("30")
    expect(row).to_contain_text("Compliant")
    assert axe_violations(console) == []
    with worker.app_context():
        others = db.session.scalars(select(Configuration.generation)).all()
    assert sorted(others) == [1, 2]

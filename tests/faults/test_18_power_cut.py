"""Fault 18: a power cut. A whole hospital vanishes in a moment, and is back in seconds.

Invariant: it converges, and it is one event: nothing is said of any single device.
`make bench-power-cut` is the same with 10,000 devices.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet import create_worker
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.database import db
from fleet.store.models import Alert, DeviceState, Reading
from tests.support.broker import Broker
from tests.support.raw_fleet import RawFleet
from tests.support.service import Service, service_up
from tests.support.waiting import wait_until

WARDS, CARTS = 10, 40


@pytest.fixture
def service(tmp_path: Path, fresh_broker: Broker) -> Iterator[Service]:
    with service_up(tmp_path, mqtt_url=fresh_broker.url) as service:
        yield service


@pytest.fixture
def app(service: Service) -> Iterator[Flask]:
    """The database as the service's processes see it; ten wards of forty carts in it."""
    app = create_worker(service.settings)
    with app.app_context():
        now = datetime.now(UTC)
        add_site("lindenhof", "Lindenhof", "Europe/Berlin", "test", now)
        for n in range(WARDS):
            add_ward("lindenhof", f"ward-{n}", f"Ward {n}", "test", now)
        new = [
            NewDevice(f"CART-{n:04d}", "medication_cart", f"ward-{n % WARDS}")
            for n in range(WARDS * CARTS)
        ]
        register_devices(new, "test", now)
        yield app
        db.engine.dispose()


@pytest.fixture
def fleet(app: Flask, fresh_broker: Broker) -> Iterator[RawFleet]:
    names = [f"cart-{n:04d}" for n in range(WARDS * CARTS)]
    fleet = RawFleet(fresh_broker.port, names, interval_s=5, will_delay_s=1)
    fleet.start()
    yield fleet
    fleet.stop()


def online() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(DeviceState.online)) or 0


def alerts() -> Counter[tuple[str, str]]:
    """All that were ever opened, by kind and state."""
    db.session.rollback()
    rows = db.session.execute(
        select(Alert.kind, Alert.state, func.count()).group_by(Alert.kind, Alert.state)
    )
    return Counter({(row[0], row[1]): row[2] for row in rows})


def gaps() -> int:
    """Devices of whose readings, which they number from 1 on, one is missing so far."""
    db.session.rollback()
    devices = (
        select(Reading.device_pk)
        .group_by(Reading.device_pk)
        .having(func.count() != func.max(Reading.seq))
    )
    return db.session.scalar(select(func.count()).select_from(devices.subquery())) or 0


@pytest.mark.timeout(180)
def test_a_power_cut_is_one_event_and_everybody_is_back_with_everything_they_measured(
    service: Service, app: Flask, fleet: RawFleet
) -> None:
    everybody = WARDS * CARTS
    fleet.power_on(within_s=2)
    wait_until(lambda: online() == everybody, timeout=40, interval=0.2)
    fleet.power_cut()
    wait_until(lambda: online() == 0, timeout=60, interval=0.2)
    wait_until(lambda: alerts()["outage", "open"] == 1, timeout=45, interval=0.2)
    assert "No word from 400 of 400 devices" in " ".join(service.get("/").split())

    fleet.power_on(within_s=2)
    wait_until(lambda: online() == everybody, timeout=60, interval=0.2)
    wait_until(lambda: alerts()["outage", "resolved"] == 1, timeout=10, interval=0.2)
    for n in range(WARDS):
        board = service.get(f"/wards/ward-{n}")
        assert board.count('data-shape="take"') == CARTS
        assert "No word from" not in board
    wait_until(lambda: gaps() == 0, timeout=20, interval=0.5)
    assert alerts() == {("outage", "resolved"): 1}

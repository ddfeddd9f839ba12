"""A release on its whole way: approved, offered over MQTT, fetched over HTTP, started, told."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from fleet import create_worker
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.care import set_ward_care
from fleet.services.rollouts.propose import propose_rollout
from fleet.simulator.fleet import Fleet
from fleet.simulator.roster import demo_roster
from fleet.store.database import db
from fleet.store.models import Device, DeviceState, Rollout, RolloutDevice
from fleet.wire.messages import encode
from tests.support.agents import running
from tests.support.broker import Broker
from tests.support.releases import Workshop
from tests.support.service import service_up
from tests.support.waiting import wait_until

GOOD, BAD = "cart-001", "cart-002"
IMAGE = bytes(range(256)) * 3_000
"""Three parts of a download."""


def begin(device_id: str) -> int:
    now = datetime.now(UTC)
    plan = {"canaries": 1, "soak_min": 0, "ward_share_pct": 100}
    rollout_id = propose_rollout(
        "firmware", "firmware-4.2.0", "4.2.0", "device", device_id, "user:ada", now, plan
    )
    approve_rollout(rollout_id, "user:bob", now)
    return rollout_id


def rollout(rollout_id: int) -> Rollout:
    db.session.rollback()
    return db.session.get_one(Rollout, rollout_id)


def firmware_of(device_id: str) -> str | None:
    db.session.rollback()
    query = select(DeviceState).join(Device).where(Device.device_id == device_id)
    told: str | None = db.session.scalars(query).one().system.get("firmware")
    return told


@pytest.mark.timeout(300)
def test_a_device_gets_a_release_and_one_in_which_it_hangs_runs_the_former_again(
    fresh_broker: Broker, tmp_path: Path
) -> None:
    roster = demo_roster(wards=1, carts=2, tablets=0)
    with service_up(tmp_path, mqtt_url=fresh_broker.url) as service:
        app = create_worker(service.settings)
        with app.app_context():
            now = datetime.now(UTC)
            add_site(roster.site.slug, roster.site.name, roster.site.timezone, "test", now)
            add_ward(roster.site.slug, roster.wards[0].slug, roster.wards[0].name, "test", now)
            register_devices(
                [NewDevice(d.asset_tag, d.kind, d.ward, d.device_id, d.model, d.serial)
                 for d in roster.devices], "test", now,
            )  # fmt: skip
            set_ward_care(roster.wards[0].slug, [], 0, "test", now)
        workshop = Workshop(app, tmp_path / "workshop")
        workshop.hand_over_online_key()
        models = sorted({d.model for d in roster.devices})
        workshop.add(IMAGE, version="4.2.0", release_counter=1, hardware_ids=models)
        fleet = Fleet(
            roster, fresh_broker.url, tmp_path / "fleet", speed=0, interval_s=1,
            server=f"http://127.0.0.1:{service.settings.http_port}",
            trust=encode(workshop.ceremony.envelope),
        )  # fmt: skip
        for device_id in (GOOD, BAD):
            fleet.hardware[device_id].plug_in()
            fleet.hardware[device_id].leave_alone()
            fleet.hardware[device_id].set_soc(90)
        fleet.hardware[BAD].hang_in("4.2.0")
        former = fleet.hardware[BAD].firmware
        with app.app_context(), running(fleet):
            wait_until(lambda: firmware_of(GOOD) and firmware_of(BAD), timeout=60)
            good, bad = begin(GOOD), begin(BAD)
            wait_until(lambda: rollout(good).state == "completed", timeout=90)
            wait_until(lambda: firmware_of(GOOD) == "4.2.0", timeout=30)
            wait_until(lambda: rollout(bad).state == "halted", timeout=90)
            assert rollout(bad).reason == "1 of the canaries failed"
            reason = select(RolloutDevice.reason).where(RolloutDevice.rollout_id == bad)
            assert "did not come up" in (db.session.scalar(reason) or "")
            assert firmware_of(BAD) == former

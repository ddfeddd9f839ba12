"""Firmware to real agents over a real broker: the second half of `make bench-rollout`.

Agents on the same two cores as the service: each fetches a file of 600 kB in parts, swaps
its slot, starts anew, and says so. `AGENTS=n` for another number.
"""

import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from fleet import create_worker
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.care import set_ward_care
from fleet.services.rollouts.propose import propose_rollout
from fleet.simulator.fleet import Fleet
from fleet.simulator.roster import Roster, demo_roster
from fleet.store.database import db
from fleet.store.models import DeviceState, Rollout, RolloutDevice
from fleet.wire.messages import encode
from tests.support.agents import running
from tests.support.broker import Broker
from tests.support.postgres import private_cluster
from tests.support.releases import Workshop
from tests.support.service import service_up
from tests.support.waiting import wait_until

AGENTS = int(os.environ.get("AGENTS", "100"))
WARDS = 10
IMAGE = bytes(range(250)) * 2_400
VERSION = "4.2.0"
PLAN = {"soak_min": 0, "canaries": 5, "ward_share_pct": 100, "min_soc_pct": 0}


def main() -> None:
    print(f"\nFirmware of {len(IMAGE) // 1000} kB to {AGENTS} agents over one broker\n")
    print("| database | agents | whole rollout | a device, p50 | p99 | failed |")
    print("|---|---|---|---|---|---|")
    with private_cluster() as server:
        for name, url in (("SQLite", None), ("PostgreSQL", server.create("agents"))):
            with tempfile.TemporaryDirectory() as folder:
                broker = Broker(Path(folder))
                broker.start()
                print(f"| {name} | {AGENTS} | {_measure(Path(folder), url, broker)} |", flush=True)
                broker.stop()


def _measure(folder: Path, url: str | None, broker: Broker) -> str:
    roster = demo_roster(wards=WARDS, carts=AGENTS, tablets=0)
    with service_up(folder, url, broker.url) as service:
        app = create_worker(service.settings)
        with app.app_context():
            _enter(roster)
        workshop = Workshop(app, folder / "workshop")
        workshop.hand_over_online_key()
        models = sorted({device.model for device in roster.devices})
        workshop.add(IMAGE, version=VERSION, release_counter=1, hardware_ids=models)
        fleet = Fleet(
            roster, broker.url, folder / "fleet", speed=0, interval_s=30,
            server=f"http://127.0.0.1:{service.settings.http_port}",
            trust=encode(workshop.ceremony.envelope),
        )  # fmt: skip
        for hardware in fleet.hardware.values():
            hardware.plug_in()
            hardware.leave_alone()
            hardware.set_soc(90)
        with app.app_context(), running(fleet):
            wait_until(_all_report, timeout=300, interval=0.5)
            return _roll_out(roster)


def _enter(roster: Roster) -> None:
    now = datetime.now(UTC)
    add_site(roster.site.slug, roster.site.name, roster.site.timezone, "bench", now)
    for ward in roster.wards:
        add_ward(roster.site.slug, ward.slug, ward.name, "bench", now)
        set_ward_care(ward.slug, [], 0, "bench", now)
    new = [
        NewDevice(d.asset_tag, d.kind, d.ward, d.device_id, d.model, d.serial)
        for d in roster.devices
    ]
    register_devices(new, "bench", now)


def _all_report() -> bool:
    db.session.rollback()
    reporting = select(func.count()).where(DeviceState.online, DeviceState.plugged_in)
    return db.session.scalar(reporting) == AGENTS


def _roll_out(roster: Roster) -> str:
    now = datetime.now(UTC)
    rollout_id = propose_rollout(
        "firmware", f"firmware-{VERSION}", VERSION, "site", roster.site.slug, "user:ada", now, PLAN
    )
    began = time.monotonic()
    approve_rollout(rollout_id, "user:bob", now)
    wait_until(lambda: _state(rollout_id) != "running", timeout=1_800, interval=0.5)
    took = time.monotonic() - began
    assert _state(rollout_id) == "completed", _state(rollout_id)
    rows = db.session.execute(
        select(RolloutDevice.offered_at, RolloutDevice.ended_at, RolloutDevice.state)
    ).all()
    times = sorted((row.ended_at - row.offered_at).total_seconds() for row in rows)
    p99 = times[int(len(times) * 0.99)]
    failed = sum(row.state != "succeeded" for row in rows)
    return f"{took:.0f} s | {statistics.median(times):.0f} s | {p99:.0f} s | {failed}"


def _state(rollout_id: int) -> str:
    db.session.rollback()
    return str(db.session.scalar(select(Rollout.state).where(Rollout.id == rollout_id)))


if __name__ == "__main__":
    main()

"""A small hospital in the database, and what its devices say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fleet import create_worker
from fleet.config import Settings
from fleet.domain.battery.charging import SHORT_FOR
from fleet.domain.words import Scope
from fleet.ingest.batch import Inbound
from fleet.ingest.pipeline import Acks, process
from fleet.services.assign_profile import assign_profile
from fleet.services.load_profiles import load_profiles
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.database import db
from fleet.store.models import DeviceState

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PROFILES = Path(__file__).resolve().parents[2] / "firmware_profiles"


@contextmanager
def inside(settings: Settings) -> Iterator[None]:
    """As a process of the service on these settings, that ends and leaves no connection."""
    with create_worker(settings).app_context():
        yield
        db.session.remove()
        db.engine.dispose()


def build_hospital(carts: int = 2, with_profile: bool = True, now: datetime = NOON) -> None:
    """Lindenhof with wards 3A and 3B; `cart-001`, ... at home in 3A, reporting every 15 s."""
    add_site("lindenhof", "Lindenhof", "Europe/Berlin", "test", now)
    add_ward("lindenhof", "ward-3a", "3A", "test", now, [("3A-bay-1", "bay 1")])
    add_ward("lindenhof", "ward-3b", "3B", "test", now)
    if with_profile:
        load_profiles([PROFILES / "medication-cart.yaml"], "test", now)
        assign_profile("medication-cart", 1, Scope.SITE, "lindenhof", "test", now)
    tags = [f"CART-{n:03d}" for n in range(1, carts + 1)]
    register_devices([NewDevice(tag, "medication_cart", "ward-3a") for tag in tags], "test", now)


def say(channel: str, body: Any, at: datetime = NOON, device_id: str = "cart-001") -> Acks:
    """One message of a device, taken through the pipeline at `at`."""
    return process([message(channel, body, at, device_id)], at)


def run_low(at: datetime = NOON, device_id: str = "cart-001") -> None:
    """It has said already, long enough before, that it does not last: the next word is a call."""
    before = at - SHORT_FOR
    say("telemetry", telemetry(reading(0, soc=10, at=before), boot=0), before, device_id)


def message(channel: str, body: Any, at: datetime, device_id: str = "cart-001") -> Inbound:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Inbound(f"fleet/v1/up/{device_id}/{channel}", payload, at)


def telemetry(*readings: dict[str, Any], boot: int = 1, **extra: Any) -> dict[str, Any]:
    return {"v": 1, "boot": boot, "readings": list(readings), **extra}


def reading(seq: int, soc: int = 90, at: datetime = NOON, **values: Any) -> dict[str, Any]:
    """A parked cart on battery; `battery={...}` changes its pack, other values the reading."""
    pack = {
        "slot": 0,
        "serial": "LFP-1",
        "chemistry": "LiFePO4",
        "soc_pct": soc,
        "remaining_mah": soc * 400,
        "full_charge_mah": 40_000,
        "design_mah": 40_000,
        "current_ma": -2_000,
        "cycle_count": 100,
        "status": "discharging",
        "power_source": "none",
        **values.pop("battery", {}),
    }
    return {
        "seq": seq,
        "ts": at.isoformat(),
        "clock": "synced",
        "batteries": [pack],
        "location": {"zone": "3A-bay-1"},
        "apps": [{"name": "emar", "version": "7.2.1", "state": "running"}],
        "system": {"idle_s": 900},
        **values,
    }


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def state() -> DeviceState:
    """Of the first cart, as it is in the database now."""
    db.session.rollback()
    return db.session.get_one(DeviceState, 1)

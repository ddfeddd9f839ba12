"""A hospital of any size for the benchmarks: registered in seconds, all of its devices heard of."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, text

from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import search_tokens
from fleet.store.database import db, transaction
from fleet.store.models import Configuration, Device, DeviceState, SearchToken

WORDS = ("available", "in_use", "charging", "low", "unavailable")
NOW = datetime.now(UTC)


def fill(size: int, wards: int) -> None:
    """`size` carts named `tag(0)`, `tag(1)`, ..., spread over the wards."""
    add_site("bench", "Bench", "UTC", "bench", NOW)
    for n in range(wards):
        add_ward("bench", f"ward-{n}", f"Ward {n}", "bench", NOW)
    with transaction() as session:
        for begin in range(0, size, 5_000):
            numbers = range(begin, min(begin + 5_000, size))
            devices = [_device(n, wards) for n in numbers]
            session.execute(insert(Device), devices)
            session.execute(
                insert(DeviceState),
                [
                    {
                        "device_pk": n + 1,
                        "availability": WORDS[n % 97 % 5 if n % 97 < 90 else 3],
                        "online": True,
                        "session_boot": 1,
                        "soc_pct": n % 101,
                        "last_seen_at": NOW,
                        "offline_after": NOW + timedelta(hours=1),
                    }
                    for n in numbers
                ],
            )
            session.execute(insert(Configuration), [{"device_pk": n + 1} for n in numbers])
            tokens = [
                {"token": token, "device_pk": device["id"]}
                for device in devices
                for token in search_tokens(Device(**device))
            ]
            session.execute(insert(SearchToken), tokens)
    with db.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


def _device(n: int, wards: int) -> dict[str, object]:
    return {
        "id": n + 1,
        "device_id": tag(n).lower(),
        "asset_tag": tag(n),
        "kind": "medication_cart",
        "serial": f"MC{n * 7919 % 10**7:07d}",
        "ward_id": n % wards + 1,
        "created_at": NOW,
    }


def tag(n: int) -> str:
    return f"CART-{n:06d}"

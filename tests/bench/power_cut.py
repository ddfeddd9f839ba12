"""A power cut and its end: 10,000 devices back in 10 s, on both databases: `make bench-power-cut`.

250 wards of 40 carts, each an MQTT connection over TLS with a certificate of its own, a will, a
profile, and a report every 30 s. The cut drops all connections in one moment; they stay away until
the service has told the outage. Then all come back within 10 s, each with its newest reading first
and what it kept meanwhile after it.
Everything runs on this machine: broker, service, database, and the devices.
"""

import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from sqlalchemy import func, select

from fleet import create_worker
from fleet.config import Settings
from fleet.domain.words import AlertKind, AlertState, Scope
from fleet.services.assign_profile import assign_profile
from fleet.services.load_profiles import load_profile
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.simulator.fleet import allow_open_files
from fleet.store.database import db
from fleet.store.models import Alert, Configuration, DeviceState, OutboxMessage, Reading
from fleet.wire.requests import key_pem, new_key
from fleet.wire.tls import TlsFiles
from tests.support.hospital import PROFILES
from tests.support.postgres import DURABLE, private_cluster
from tests.support.raw_fleet import RawFleet
from tests.support.service import Service, service_up

WARDS, CARTS = 250, 40
DEVICES = WARDS * CARTS
INTERVAL_S = 30
WITHIN_S = 10.0
WILL_DELAY_S = 60
REQUIRED_S = 60
PATIENCE_S = 300


@dataclass
class Result:
    """Seconds to each milestone, None where it was not reached; what was opened; peaks in MB."""

    told: dict[str, float | None] = field(default_factory=dict)
    back: dict[str, float | None] = field(default_factory=dict)
    alerts: str = ""
    peaks: dict[str, int] = field(default_factory=dict)


def main() -> None:
    try:
        allow_open_files(DEVICES + 1_000)  # for the broker too, which inherits it
    except ValueError as error:
        raise SystemExit(f"bench-power-cut: {error}") from error
    results = {}
    with tempfile.TemporaryDirectory() as folder, private_cluster(**DURABLE) as server:
        for name, url in (("SQLite", None), ("PostgreSQL", server.create("power_cut"))):
            (room := Path(folder) / name).mkdir()
            with service_up(room, url) as service, _hospital(service), _devices(service) as fleet:
                results[name] = _cut_and_return(service, fleet)
    _print(results)
    right = [result.back["every ward board right"] for result in results.values()]
    sys.exit(any(seconds is None or seconds > REQUIRED_S for seconds in right))


@contextmanager
def _hospital(service: Service) -> Iterator[Flask]:
    """The application beside the service's own processes, over the same database."""
    app = create_worker(service.settings)
    with app.app_context():
        now = datetime.now(UTC)
        document = yaml.safe_load((PROFILES / "medication-cart.yaml").read_text())
        load_profile(document | {"reporting": {"interval_s": INTERVAL_S}}, "bench", now)
        add_site("bench", "Bench Hospital", "UTC", "bench", now)
        for n in range(WARDS):
            add_ward("bench", f"ward-{n}", f"Ward {n}", "bench", now)
        assign_profile("medication-cart", 1, Scope.SITE, "bench", "bench", now)
        for begin in range(0, DEVICES, 500):
            numbers = range(begin, min(begin + 500, DEVICES))
            new = [
                NewDevice(f"CART-{n:05d}", "medication_cart", f"ward-{n % WARDS}") for n in numbers
            ]
            register_devices(new, "bench", now)
        _say(f"{DEVICES:,} devices registered")
        yield app
        db.engine.dispose()


@contextmanager
def _devices(service: Service) -> Iterator[RawFleet]:
    """Connected, configured, and reporting. Their side of the handshakes is done here too, which in
    a hospital is work of their own processors.
    """
    names = [f"cart-{n:05d}" for n in range(DEVICES)]
    contexts = _certified(service.settings, names)
    _say(f"{DEVICES:,} certificates signed")
    fleet = RawFleet(
        service.settings.mqtt_port,
        names,
        interval_s=INTERVAL_S,
        will_delay_s=WILL_DELAY_S,
        secure=contexts.__getitem__,
    )
    fleet.start()
    try:
        fleet.power_on(within_s=INTERVAL_S)
        calm = _reached({"calm": lambda: _online() == DEVICES and _compliant() == DEVICES})
        _say(f"all report and are compliant after {calm['calm']} s")
        yield fleet
    finally:
        fleet.stop()


def _certified(settings: Settings, names: list[str]) -> dict[str, ssl.SSLContext]:
    authority, now = settings.pki.authority(), datetime.now(UTC)
    contexts = {}
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        for name in names:
            key = new_key()
            signed = authority.sign_client(key.public_key(), name, now)
            pair.write_bytes(signed.public_bytes(Encoding.PEM) + key_pem(key))
            contexts[name] = TlsFiles(settings.pki.ca, pair, pair).context()
    return contexts


def _cut_and_return(service: Service, fleet: RawFleet) -> Result:
    result = Result()
    fleet.power_cut()
    result.told = _reached(
        {
            "all on record as silent": lambda: _online() == 0,
            "one alert": lambda: _count(Alert.kind == AlertKind.OUTAGE) == 1,
        }
    )
    _say(f"told: {result.told}")
    since, boards = datetime.now(UTC), _Boards(service)
    fleet.power_on(within_s=WITHIN_S)
    result.back = _reached(
        {
            "all connected": lambda: fleet.connected == DEVICES,
            "all current": lambda: _online(since) == DEVICES,
            "every ward board right": boards.are_right,
            "outage over": lambda: _count(Alert.state != AlertState.RESOLVED) == 0,
            "all that was kept recorded": lambda: _online(since) == DEVICES and _gaps() == 0,
        }
    )
    _say(f"back: {result.back}")
    result.alerts, result.peaks = _alerts_opened(), service.peak_mb()
    return result


def _reached(milestones: dict[str, Callable[[], bool]]) -> dict[str, float | None]:
    """Seconds from now to each; None where PATIENCE_S is over before."""
    begun = time.monotonic()
    found: dict[str, float | None] = dict.fromkeys(milestones)
    while None in found.values() and time.monotonic() < begun + PATIENCE_S:
        for name, is_reached in milestones.items():
            if found[name] is None and is_reached():
                found[name] = round(time.monotonic() - begun, 1)
        time.sleep(0.2)
    return found


class _Boards:
    """The pages themselves: all carts on it, none unheard of, and no banner any more."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._wrong = list(range(WARDS))

    def are_right(self) -> bool:
        """A pass ends at the first that is still wrong: it is what the next pass begins with."""
        while self._wrong and self._is_right(self._wrong[-1]):
            self._wrong.pop()
        return not self._wrong

    def _is_right(self, ward: int) -> bool:
        page = self._service.get(f"/wards/ward-{ward}/board")
        is_silent = 'data-shape="not-heard-of"' in page or "No word from" in page
        return page.count('class="card ') == CARTS and not is_silent


def _online(since: datetime | None = None) -> int:
    conditions = [DeviceState.online]
    if since:
        conditions.append(DeviceState.last_seen_at >= since)
    return _scalar(select(func.count()).where(*conditions))


def _compliant() -> int:
    waiting = _scalar(select(func.count()).select_from(OutboxMessage))
    compliant = select(func.count()).where(Configuration.compliance == "compliant")
    return 0 if waiting else _scalar(compliant)


def _count(condition: object) -> int:
    return _scalar(select(func.count()).select_from(Alert).where(condition))


def _gaps() -> int:
    """Devices of whose readings, which they number from 1 on, one is missing so far."""
    devices = (
        select(Reading.device_pk)
        .group_by(Reading.device_pk)
        .having(func.count() != func.max(Reading.seq))
    )
    return _scalar(select(func.count()).select_from(devices.subquery()))


def _scalar(query: object) -> int:
    db.session.rollback()
    return db.session.scalar(query) or 0


def _alerts_opened() -> str:
    db.session.rollback()
    rows = db.session.execute(select(Alert.kind, func.count()).group_by(Alert.kind))
    return ", ".join(f"{row[1]} {row[0]}" for row in rows)


def _print(results: dict[str, Result]) -> None:
    print("| seconds from the cut | " + " | ".join(results) + " |")
    print("|---" * (len(results) + 1) + "|")
    for name in next(iter(results.values())).told:
        print(_row(name, [result.told[name] for result in results.values()]))
    print("\n| seconds from the power's return | " + " | ".join(results) + " |")
    print("|---" * (len(results) + 1) + "|")
    for name in next(iter(results.values())).back:
        print(_row(name, [result.back[name] for result in results.values()]))
    print(_row("alerts ever opened", [result.alerts for result in results.values()]))
    for process in ("mosquitto", "ingest", "schedule", "web"):
        figures = [f"{result.peaks.get(process, 0)} MB" for result in results.values()]
        print(_row(f"peak memory of {process}", figures))


def _row(name: str, cells: list[object]) -> str:
    shown = (f"not in {PATIENCE_S}" if cell is None else str(cell) for cell in cells)
    return f"| {name} | " + " | ".join(shown) + " |"


def _say(words: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

"""The enrolment server as `fleet up` runs it, and devices that come to it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes

from fleet.config import Settings
from fleet.device import est
from fleet.pki.authority import Authority
from fleet.services.enrolment_tokens import make_tokens
from tests.support.processes import answers, start, stop
from tests.support.waiting import wait_until


@contextmanager
def enrolment_server(settings: Settings, environ: dict[str, str]) -> Iterator[None]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FLEET_")}
    process = start([sys.executable, "-m", "fleet.cli", "est"], env=clean | environ)
    try:
        wait_until(lambda: answers(settings.est_port), timeout=60, what="the enrolment server")
        yield
    finally:
        stop(process)


def invitation(
    settings: Settings, authority: Authority, device_id: str, *, approved: bool = True
) -> est.Invitation:
    """A fresh label of this device."""
    [ticket] = make_tokens([device_id], approved, "test", datetime.now(UTC))
    known_by = authority.certificate.fingerprint(hashes.SHA256()).hex()
    return est.Invitation(settings.est_url, device_id, ticket.token, known_by)


def environ_of(settings: Settings, folder: Path) -> dict[str, str]:
    return {
        "FLEET_DATABASE_URL": settings.database_url,
        "FLEET_DATA_DIR": str(folder),
        "FLEET_EST_PORT": str(settings.est_port),
        "FLEET_MQTT_PORT": str(settings.mqtt_port),
    }

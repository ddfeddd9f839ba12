"""Many devices in a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from fleet import create_worker
from fleet.config import Settings
from fleet.store.database import db
from tests.support.hospital import build_hospital


def device_ids(count: int) -> list[str]:
    return [f"cart-{number:03d}" for number in range(1, count + 1)]


def register_devices(url: str, folder: Path, count: int) -> None:
    with application(url, folder) as app, app.app_context():
        build_hospital(count, with_profile=False, now=datetime.now(UTC))


@contextmanager
def application(url: str, folder: Path) -> Iterator[Flask]:
    """The service's own view of the database, without any of its processes."""
    settings = Settings.from_env({"FLEET_DATABASE_URL": url, "FLEET_DATA_DIR": str(folder)})
    app = create_worker(settings)
    yield app
    with app.app_context():
        db.engine.dispose()

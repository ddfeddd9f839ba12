"""A hospital to be backed up, and another machine to restore it on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from fleet.config import Settings
from tests.support.hospital import build_hospital, reading, say, telemetry


@pytest.fixture
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        for seq in range(1, 21):
            say("telemetry", telemetry(reading(seq)))
        yield


@pytest.fixture
def elsewhere(other_database_url: str, tmp_path: Path) -> Settings:
    """Another machine: an empty database, a data directory that is not there yet."""
    return Settings.from_env(
        {"FLEET_DATABASE_URL": other_database_url, "FLEET_DATA_DIR": str(tmp_path / "elsewhere")}
    )

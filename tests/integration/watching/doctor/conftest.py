"""The service that the doctor looks at."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from fleet.config import Settings
from fleet.services.recovery import Proof, note_backup, note_drill
from tests.support.broker import Broker
from tests.support.doctor import configured, jobs
from tests.support.hospital import build_hospital, reading, say, telemetry
from tests.support.signs import all_well, sign


@pytest.fixture
def settings(database_url: str, tmp_path: Path, broker: Broker) -> Settings:
    return configured(database_url, tmp_path / "data", broker.url)


@pytest.fixture
def well(worker: Flask) -> Iterator[None]:
    """A service in which all is as it should be."""
    now = datetime.now(UTC)
    with worker.app_context():
        all_well(now)
        sign("schedule", now, metrics=jobs(now))
        build_hospital(now=now)
        say("telemetry", telemetry(reading(1, at=now)), now)
        note_backup("b.tar", 1, "test", now)
        note_drill(Proof(now, 1.0), "test")
        yield

"""What the doctor says of backups and their drills."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from fleet.config import Settings
from fleet.doctor.finding import Level
from fleet.doctor.recovery import BACKUP_DEADLINE, DRILL_DEADLINE
from fleet.services.recovery import Proof, note_backup, note_drill
from tests.support.doctor import found, troubles

A_MINUTE = timedelta(minutes=1)


def test_an_installation_without_backup_or_drill_is_told(worker: Flask, settings: Settings) -> None:
    assert worker.config["FLEET"].database_url == settings.database_url
    said = found(settings)
    assert (said["backups"].level, said["drills"].level) == (Level.WARN, Level.WARN)
    assert "FLEET_BACKUP_AT" in (said["backups"].do or "")
    assert "fleet drill" in (said["drills"].do or "")


@pytest.mark.parametrize(
    ("backup_age", "drill_age", "named"),
    [
        (BACKUP_DEADLINE - A_MINUTE, DRILL_DEADLINE - A_MINUTE, set()),
        (BACKUP_DEADLINE + A_MINUTE, DRILL_DEADLINE - A_MINUTE, {"backups"}),
        (BACKUP_DEADLINE - A_MINUTE, DRILL_DEADLINE + A_MINUTE, {"drills"}),
    ],
)
def test_what_is_older_than_a_night_or_a_quarter_is_named(
    worker: Flask, settings: Settings, backup_age: timedelta, drill_age: timedelta, named: set[str]
) -> None:
    now = datetime.now(UTC)
    with worker.app_context():
        note_backup("b.tar", 1, "test", now - backup_age)
        note_drill(Proof(now - drill_age, 1.0), "test")
    assert {"backups", "drills"} & troubles(settings).keys() == named


def test_the_newest_drill_counts_and_says_why_it_failed(worker: Flask, settings: Settings) -> None:
    now = datetime.now(UTC)
    with worker.app_context():
        note_drill(Proof(now - timedelta(days=1), 1.0), "test")
        note_drill(Proof(now, 1.0, ("alert: 3 rows are missing",)), "test")
    said = found(settings)["drills"]
    assert said.level is Level.FAIL
    assert "alert: 3 rows are missing" in said.found

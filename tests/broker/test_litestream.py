"""Litestream, where it is on: everything is killed, and what was acked a moment before is there."""

import os
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleet.cli import main
from fleet.config import Settings
from fleet.store.database import db, snapshot
from fleet.store.queries.audit_chain import verify
from fleet.store.types import to_ms
from tests.broker.test_up import running
from tests.support.hospital import inside
from tests.support.processes import free_port
from tests.support.waiting import wait_until

SYNC = timedelta(seconds=1)
"""How often Litestream copies; the rest is for a machine that has much else to do."""
LATEST = 3 * SYNC


def readings(database: Path, until: datetime) -> set[tuple[int, int, int]]:
    """Those that were recorded, and so acked, by then."""
    query = "SELECT device_pk, boot, seq FROM reading WHERE received_at <= ?"
    with closing(sqlite3.connect(database)) as connection:
        return set(connection.execute(query, [to_ms(until)]))


@pytest.mark.timeout(120)
def test_after_a_crash_of_everything_the_replica_has_what_was_acked_a_moment_before(
    tmp_path: Path,
) -> None:
    live, replica = tmp_path / "live", f"file://{tmp_path}/replica"
    database = live / "wardfleet.sqlite"
    ports = free_port(), free_port()
    with running(live, *ports, FLEET_LITESTREAM_URL=replica) as fleet:
        wait_until(lambda: fleet.status("/readyz") == 200, timeout=40, interval=0.2)
        assert fleet.pids_of("replicate")
        wait_until(lambda: len(readings(database, datetime.now(UTC) - LATEST)), timeout=40)
        family = [process.pid for process in fleet.family()]
        for pid in (fleet.process.pid, *family):
            os.kill(pid, signal.SIGKILL)
        killed_at = datetime.now(UTC)
        fleet.process.communicate()
    settings = Settings.from_env({"FLEET_DATA_DIR": str(tmp_path / "new")})
    env = {"FLEET_DATA_DIR": str(settings.data_dir), "FLEET_LITESTREAM_URL": replica}
    restored = CliRunner(env=env).invoke(main, ["restore", "--litestream"])
    assert restored.stdout.startswith("restored\nlost: the last 1 min")
    kept = readings(live / "wardfleet.sqlite", killed_at - LATEST)
    assert kept
    assert kept <= readings(settings.data_dir / "wardfleet.sqlite", killed_at)
    with inside(settings), snapshot(db.engine) as connection:
        assert verify(connection).problem is None

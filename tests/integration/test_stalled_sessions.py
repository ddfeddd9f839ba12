"""PostgreSQL ends the session of a process that stands still, whatever it said last."""

from pathlib import Path

import pytest
from sqlalchemy import insert, text

from fleet import create_worker
from fleet.config import Settings
from fleet.store.database import db
from fleet.store.models import Ward
from tests.support.hospital import NOON, build_hospital
from tests.support.waiting import wait_until

IMPATIENT = "?options=-c%20idle_in_transaction_session_timeout%3D500"
ROWS = [{"site_id": 1, "slug": f"ward-{n}", "name": f"Ward {n}"} for n in range(3)]


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS])
def test_the_session_is_ended_and_its_locks_are_free(
    postgres_url: str, tmp_path: Path, rows: list[dict[str, object]]
) -> None:
    given = {"FLEET_DATABASE_URL": postgres_url + IMPATIENT, "FLEET_DATA_DIR": str(tmp_path)}
    with create_worker(Settings.from_env(given)).app_context():
        build_hospital(now=NOON)
        db.session.remove()
        with db.engine.connect() as stopped:
            backend = stopped.scalar(text("SELECT pg_backend_pid()"))
            stopped.execute(insert(Ward), rows)

            def is_there() -> bool:
                query = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
                with db.engine.connect() as other:
                    return bool(other.scalar(query, {"pid": backend}))

            wait_until(lambda: not is_there(), timeout=10, interval=0.1)
            stopped.invalidate()
        db.engine.dispose()

"""A million queued readings caught up while 1,000/s arrive: `make bench-backlog`.

The broker keeps nothing for an ingest that is away: the devices keep their readings, and say them
again until they are acked. Nine carts in ten send what they kept, one reading a message and as fast
as acks come; the tenth goes on reporting. At the end every reading is counted in the database, and
the state of each device compared with its newest.
"""

import json
import subprocess
import sys

from sqlalchemy import func, select

from fleet import create_worker
from fleet.store.database import db
from fleet.store.models import DeviceState, Reading
from tests.bench.ingest import Place, measure, place, readings, receiver
from tests.support.processes import ROOT

DEVICES = 10_000
BEFORE = 2_000_000
QUEUED = 1_000_000
OFFERED = 1_000


def main() -> None:
    print("| database | maximum, messages/s | caught up in | total/s | of the maximum |")
    print("|---|---|---|---|---|")
    for database in ("PostgreSQL", "SQLite"):
        with place(database, DEVICES, BEFORE) as here:
            whole = measure(here, DEVICES, 1, 15)
            rows = readings(here)
            done = _catch_up(here)
            assert readings(here) - rows == done["queued"] + done["fresh"], "lost, or twice"
            assert _wrong(here) == 0, "a state is not that of the newest reading"
        rate = (done["queued"] + done["fresh"]) / done["seconds"]
        print(
            f"| {database} | {whole.rate:,.0f} | {done['seconds']:.0f} s | {rate:,.0f} "
            f"| {rate / whole.rate:.2f} |",
            flush=True,
        )


def _catch_up(here: Place) -> dict[str, float]:
    with receiver(here, 1):
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.load", "--port", str(here.broker.port),
             "--devices", str(DEVICES), "--queued", str(QUEUED), "--rate", str(OFFERED)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, float] = json.loads(done.stdout)
        return found


def _wrong(here: Place) -> int:
    """Devices whose state is not that of their newest reading."""
    newest = (
        select(Reading.device_pk, func.max(Reading.seq).label("seq"))
        .where(Reading.boot == 1)
        .group_by(Reading.device_pk)
        .subquery()
    )
    with create_worker(here.settings).app_context():
        wrong = db.session.scalar(
            select(func.count())
            .select_from(newest)
            .join(DeviceState, DeviceState.device_pk == newest.c.device_pk)
            .where((DeviceState.seq != newest.c.seq) | (DeviceState.boot != 1))
        )
        db.session.remove()
        db.engine.dispose()
    return wrong or 0


if __name__ == "__main__":
    main()

"""Three ingest, two schedules and two webs over one PostgreSQL: each is killed in turn under load.

Nothing that another needs was in the one that died. A balancer is whoever asks the next web where
one does not answer.
"""

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from urllib.request import urlopen

import pytest
from sqlalchemy import select

from fleet.store.database import db, transaction
from fleet.store.models import Lease, OutboxMessage
from tests.faults.conftest import Stage
from tests.faults.generator import Population
from tests.faults.service import kill
from tests.support.processes import answers, free_port
from tests.support.waiting import wait_until


class Machines:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.ingests = [stage.service.ingest() for _ in range(3)]
        self.schedules = {name: stage.service.schedule(name) for name in ("one", "two")}
        self.webs = {port: stage.service.web(port) for port in (free_port(), free_port())}

    @property
    def leader(self) -> str | None:
        with self._stage.app.app_context():
            return db.session.scalar(select(Lease.holder))

    def board(self) -> str:
        """What the ward's board says, by the first web that answers; empty where none does."""
        for port in self.webs:
            with (
                suppress(OSError),
                urlopen(f"http://127.0.0.1:{port}/wards/ward-3a/board", timeout=5) as answer,
            ):
                return str(answer.read().decode())
        return ""

    def all_goes_on(self, devices: Population) -> None:
        """Readings are recorded and acked, one leads and speaks, and the board moves."""
        before = self.board()
        wait_until(lambda: self.leader in self._living_schedules(), timeout=60)
        with self._stage.app.app_context(), transaction() as session:
            session.add(OutboxMessage(topic="t", payload=b"", created_at=datetime.now(UTC)))
        wait_until(self._all_is_said, timeout=30)
        devices.acks_more(1_000, timeout=60)
        wait_until(lambda: self.board() not in ("", before), timeout=30, what="the board to move")

    def _living_schedules(self) -> set[str]:
        return {name for name, process in self.schedules.items() if process.poll() is None}

    def _all_is_said(self) -> bool:
        with self._stage.app.app_context():
            return db.session.scalar(select(OutboxMessage.id).filter_by(topic="t")) is None


@pytest.mark.only_on("postgresql")
@pytest.mark.timeout(300)
def test_each_process_of_several_machines_is_killed_in_turn_and_nothing_is_lost(
    stage: Stage,
) -> None:
    machines = Machines(stage)
    wait_until(machines.board, timeout=30, what="a board")
    with stage.population() as devices:
        machines.all_goes_on(devices)
        for process in machines.ingests[:2]:
            kill(process)
            machines.all_goes_on(devices)
        machines.ingests.append(stage.service.ingest())
        kill(machines.ingests[2])
        machines.all_goes_on(devices)
        first = machines.leader or ""
        kill(machines.schedules[first])
        machines.all_goes_on(devices)
        machines.schedules[first] = stage.service.schedule(first)
        kill(next(p for name, p in machines.schedules.items() if name != first))
        machines.all_goes_on(devices)
        for port, process in machines.webs.items():
            kill(process)
            machines.all_goes_on(devices)
            machines.webs = machines.webs | {port: stage.service.web(port)}
            wait_until(partial(answers, port), timeout=30)
        stage.verify(devices)

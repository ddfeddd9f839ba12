"""Fault 13: shuffled, and 48 h late. The history is complete, and the latest never regresses."""

import time

import pytest
from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import DeviceState
from tests.faults.conftest import Stage
from tests.faults.devices import Habits
from tests.support.waiting import wait_until

HOURS_48 = 48 * 3_600
CARTS = 50
KEPT = 20
SHUFFLED = Habits(shuffled=1, away=0.2, at_once=5)


@pytest.mark.suite_on("sqlite")
def test_two_days_sent_at_once_and_in_no_order_leave_the_latest_alone(stage: Stage) -> None:
    stage.service.ingest()
    devices = stage.population(CARTS, habits=SHUFFLED)
    now = time.time()
    for device in devices.devices.values():
        device.remember(KEPT, now - HOURS_48, now)
    latest: dict[int, tuple[int, int]] = {}
    with devices:

        def all_have_come() -> bool:
            nonlocal latest
            seen = newest(stage)
            assert all(seen[pk] >= before for pk, before in latest.items())
            latest = seen
            return devices.acked >= CARTS * (KEPT + 2)

        wait_until(all_have_come, timeout=60)
        stage.verify(devices)


def newest(stage: Stage) -> dict[int, tuple[int, int]]:
    with stage.app.app_context():
        query = select(DeviceState.device_pk, DeviceState.boot, DeviceState.seq)
        return {pk: (boot, seq) for pk, boot, seq in db.session.execute(query)}

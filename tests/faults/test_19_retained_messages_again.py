"""Fault 19: retained messages said again at each restart. No event twice, no stale job."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from fleet.domain.words import Scope
from fleet.services.assign_profile import assign_profile
from fleet.services.desired_state import next_generation
from fleet.services.load_profiles import load_profiles
from fleet.store.database import db, transaction
from fleet.store.models import (
    Alert,
    Configuration,
    Device,
    DeviceState,
    OutboxMessage,
    QuarantinedMessage,
    Reading,
    Transition,
)
from tests.faults.conftest import Stage
from tests.faults.generator import publish
from tests.support.hospital import NOON, PROFILES, reading, telemetry
from tests.support.waiting import wait_until

RESTARTS = 3
EVENTS = (Alert, OutboxMessage, QuarantinedMessage, Transition)
SPOKEN: list[tuple[str, Any, bool]] = [
    ("birth", {"v": 1, "boot": 5, "session": 1}, False),
    ("telemetry", telemetry(reading(1, soc=10, at=NOON), boot=5), False),
    ("birth", {"v": 1, "boot": 0, "session": 1}, True),  # as one that lost its memory
    ("state", {"online": False, "session": 1, "boot": 5}, True),
    ("telemetry", telemetry(reading(2, soc=90, at=NOON), boot=5), True),
    ("reported", {"v": 1, "boot": 5, "seq": 1, "generation": 0, "sha256": "", "items": []}, True),
    ("telemetry", {"v": 1}, True),
    ("nonsense", {}, True),
]
"""What a cart said, and what of it the broker keeps: more than any device should ask it to."""


@pytest.mark.suite_on("sqlite")
def test_what_is_retained_changes_nothing_when_it_is_said_again(stage: Stage) -> None:
    ingest = stage.service.ingest()
    catch_up(stage)
    say(stage, stage.devices[-1], "birth", {"v": 1, "boot": 1, "session": 1})
    for number, (channel, body, retain) in enumerate(SPOKEN):
        # By a stranger too, and each retained message on a topic of its own.
        for name in ("stranger", stage.devices[0], stage.devices[number + 1]):
            say(stage, name, channel, body, retain)
    seen = []
    for _ in range(RESTARTS):
        catch_up(stage)
        seen.append(events(stage))
        ingest.terminate()
        ingest.wait(30)
        a_minute_passes(stage)
        ingest = stage.service.ingest()
    assert seen == [seen[0]] * RESTARTS
    assert stage.service.stack_traces() == []


def say(stage: Stage, name: str, channel: str, body: Any, retain: bool = False) -> None:
    topic = f"fleet/v1/up/{name}/{channel}"
    publish(stage.broker.url, topic, json.dumps(body).encode(), retain=retain)


def catch_up(stage: Stage) -> None:
    """Returns when ingest has recorded what was said to it until now."""
    name = stage.devices[-1]
    before = newest_seq(stage, name)

    def is_heard() -> bool:
        say(stage, name, "telemetry", telemetry(reading(before + 1, at=NOON)))
        return newest_seq(stage, name) > before

    wait_until(is_heard, timeout=30, interval=0.2)


@pytest.mark.suite_on("sqlite")
def test_a_stale_desired_state_that_the_broker_kept_is_not_applied(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a broker says it that was restored from a backup, or that lost its last minute."""
    stage.service.ingest()
    stage.service.schedule()
    [name] = stage.devices[:1]
    topic = f"fleet/v1/down/{name}/desired"
    with stage.app.app_context():
        load_profiles([PROFILES / "medication-cart.yaml"], "test", NOON)
        assign_profile("medication-cart", 1, Scope.DEVICE, name, "test", NOON)
        first = db.session.scalars(select(OutboxMessage.payload).filter_by(topic=topic)).one()
        with transaction() as session:
            next_generation(session, session.get_one(Configuration, 1), name, NOON)
    caplog.set_level("INFO", "fleet.device")
    with stage.agents(tmp_path, 1):
        wait_until(lambda: generations(stage) == (2, 2), timeout=30)
    publish(stage.broker.url, topic, first, retain=True)
    with stage.agents(tmp_path, 1) as fleet:
        wait_until(lambda: fleet.agents[name].is_connected)
        wait_until(lambda: "generation 1 is older than 2" in caplog.text, timeout=30)
        before = readings(stage)
        wait_until(lambda: readings(stage) > before + 1, timeout=30)
        assert generations(stage) == (2, 2)
    assert "applied generation 1 of" not in caplog.text


def events(stage: Stage) -> dict[str, int]:
    """How many there are of each, but for the readings of the cart that says nothing special."""
    with stage.app.app_context():
        counts = {
            model.__name__: db.session.scalar(select(func.count()).select_from(model)) or 0
            for model in EVENTS
        }
        last = select(Device.id).where(Device.device_id == stage.devices[-1]).scalar_subquery()
        ours = select(func.count()).select_from(Reading).where(Reading.device_pk != last)
        return counts | {"Reading": db.session.scalar(ours) or 0}


def newest_seq(stage: Stage, name: str) -> int:
    with stage.app.app_context():
        query = select(DeviceState.seq).join(Device).where(Device.device_id == name)
        return db.session.scalars(query).one()


def a_minute_passes(stage: Stage) -> None:
    """Since a device was last asked to say birth again: now it may be asked once more."""
    with stage.app.app_context(), transaction() as session:
        session.execute(
            update(DeviceState)
            .where(DeviceState.rebirth_asked_at.is_not(None))
            .values(rebirth_asked_at=NOON)
        )


def generations(stage: Stage) -> tuple[int, int | None]:
    """Desired and reported, of the one cart that has a profile."""
    with stage.app.app_context():
        chosen = Configuration.profile_version_id.is_not(None)
        one = db.session.scalars(select(Configuration).where(chosen)).one()
        return one.generation, one.reported_generation


def readings(stage: Stage) -> int:
    with stage.app.app_context():
        return db.session.scalar(select(func.count()).select_from(Reading)) or 0

"""Fault 3: kill -9 of the broker after its PUBACK. The devices send again, and no gap remains."""

import signal
from collections import defaultdict
from pathlib import Path

import pytest
from sqlalchemy import func, select

from fleet.domain.words import Scope
from fleet.services.assign_profile import assign_profile
from fleet.services.load_profiles import load_profiles
from fleet.store.database import db
from fleet.store.models import Configuration, DeviceState, OutboxMessage, Reading
from tests.faults.conftest import Stage
from tests.faults.service import kill
from tests.support.hospital import NOON, PROFILES
from tests.support.waiting import wait_until

AGENTS = 5


@pytest.mark.suite_on("sqlite")
def test_what_the_broker_took_and_lost_is_sent_again(stage: Stage) -> None:
    ingest = stage.service.ingest()
    with stage.population() as devices:
        devices.acks_more(200)
        ingest.send_signal(signal.SIGSTOP)  # so that the broker keeps what it takes
        taken = devices.confirmed
        wait_until(lambda: devices.confirmed > taken + 500)
        stage.broker.kill()
        stage.broker.start()
        ingest.send_signal(signal.SIGCONT)
        devices.acks_more(500)
        stage.verify(devices)


@pytest.mark.suite_on("postgresql")
def test_real_agents_leave_no_gap_in_their_history(stage: Stage, tmp_path: Path) -> None:
    ingest = stage.service.ingest()
    with stage.agents(tmp_path, AGENTS):
        wait_until(lambda: recorded_without_gap(stage, 2), timeout=60)
        ingest.send_signal(signal.SIGSTOP)
        stage.broker.kill()
        stage.broker.start()
        ingest.send_signal(signal.SIGCONT)
        wait_until(lambda: recorded_without_gap(stage, 8), timeout=60)


@pytest.mark.suite_on("sqlite")
def test_a_desired_state_that_the_broker_lost_reaches_the_device(
    stage: Stage, tmp_path: Path
) -> None:
    """Though the devices are back before ingest is, and nobody hears them say who they are."""
    ingest = stage.service.ingest()
    stage.service.schedule()
    with stage.agents(tmp_path, AGENTS) as fleet:
        wait_until(lambda: known(stage) == AGENTS, timeout=60)
        for hardware in fleet.hardware.values():
            hardware.go_silent()
        wait_until(lambda: not any(agent.is_connected for agent in fleet.agents.values()))
        assign(stage)
        wait_until(lambda: count(stage, OutboxMessage) == 0, what="the broker to have been told")
        kill(ingest)
        stage.broker.kill()
        stage.broker.start()  # it remembers nothing, and the database holds it for told
        for hardware in fleet.hardware.values():
            hardware.come_back()
        wait_until(lambda: all(agent.is_connected for agent in fleet.agents.values()), timeout=60)
        stage.service.ingest()
        wait_until(lambda: applied(stage) == AGENTS, timeout=60)


def assign(stage: Stage) -> None:
    with stage.app.app_context():
        load_profiles([PROFILES / "medication-cart.yaml"], "test", NOON)
        for name in stage.devices[:AGENTS]:
            assign_profile("medication-cart", 1, Scope.DEVICE, name, "test", NOON)


def recorded_without_gap(stage: Stage, at_least: int) -> bool:
    """Each agent has so many readings on record, and none is missing before the newest."""
    seqs = defaultdict(list)
    with stage.app.app_context():
        query = select(Reading.device_pk, Reading.seq).order_by(Reading.device_pk, Reading.seq)
        for pk, seq in db.session.execute(query):
            seqs[pk].append(seq)
    return len(seqs) == AGENTS and all(
        len(found) >= at_least and found == list(range(found[0], found[0] + len(found)))
        for found in seqs.values()
    )


def known(stage: Stage) -> int:
    """How many have been heard to say who they are, in the boot of their newest reading."""
    with stage.app.app_context():
        query = select(func.count()).select_from(DeviceState)
        met = query.where(DeviceState.session_boot == DeviceState.boot, DeviceState.boot >= 0)
        return db.session.scalar(met) or 0


def applied(stage: Stage) -> int:
    with stage.app.app_context():
        query = (
            select(func.count())
            .select_from(Configuration)
            .where(
                Configuration.profile_version_id.is_not(None),
                Configuration.reported_generation == Configuration.generation,
            )
        )
        return db.session.scalar(query) or 0


def count(stage: Stage, model: type) -> int:
    with stage.app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0

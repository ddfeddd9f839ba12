"""25. Backup and restore under load: what was acked before the backup is there; generations and
counters never go back.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from time import monotonic

import msgspec
from flask import Flask
from sqlalchemy import func, select

from fleet.config import Settings
from fleet.domain.words import Scope
from fleet.ingest.pipeline import process
from fleet.recovery.backup import take_backup
from fleet.recovery.drill import run_drill
from fleet.recovery.restore import How, recovered_in_place, restore
from fleet.services.acknowledge_alert import acknowledge_alert
from fleet.services.api_tokens import create_api_token, revoke_api_token, valid_token
from fleet.services.assign_profile import assign_profile, remove_assignment
from fleet.services.change_device import change_device
from fleet.services.first_administrator import create_administrator, offer
from fleet.services.sign_in import sign_in, signed_in_user
from fleet.store.database import db
from fleet.store.models import (
    Alert,
    ApiToken,
    Assignment,
    AuditChain,
    Configuration,
    Device,
    DeviceState,
    OutboxMessage,
    Reading,
    Ward,
)
from fleet.wire.messages import Desired
from tests.support.hospital import NOON, build_hospital, inside, message, reading, say, telemetry
from tests.support.waiting import wait_until

CARTS = 10


# --- What was acked before the backup is there ----------------------------------------------


@dataclass(slots=True)
class Load:
    """Carts that report as fast as ingest takes it; `acked` is what they were told is kept."""

    acked: set[tuple[str, int]] = field(default_factory=set)
    longest_wait_s: float = 0.0

    def run(self, app: Flask, stop: Event) -> None:
        with app.app_context():
            for seq in itertools.count(1):
                if stop.is_set():
                    break
                now, begun = datetime.now(UTC), monotonic()
                body = telemetry(reading(seq, at=now))
                carts = [f"cart-{number:03d}" for number in range(1, CARTS + 1)]
                acks = process([message("telemetry", body, now, cart) for cart in carts], now)
                self.longest_wait_s = max(self.longest_wait_s, monotonic() - begun)
                self.acked |= {(cart, s) for (cart, _), ack in acks.items() for s in ack.seqs}
            db.session.remove()


@contextmanager
def under_load(app: Flask) -> Iterator[Load]:
    load, stop = Load(), Event()
    thread = Thread(target=load.run, args=(app, stop))
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join()


def test_what_was_acked_before_the_backup_is_there_once_and_latest_is_right(
    worker: Flask, settings: Settings, elsewhere: Settings
) -> None:
    with worker.app_context():
        build_hospital(carts=CARTS, now=datetime.now(UTC))
        with under_load(worker) as load:
            wait_until(lambda: len(load.acked) > 30 * CARTS, timeout=30)
            acked_before = set(load.acked)
            taken = take_backup(settings, settings.backup_dir, 3, "test", datetime.now(UTC))
            proof = run_drill(settings, None, "test", datetime.now(UTC))
            acked_meanwhile = len(load.acked) - len(acked_before)
        assert proof.problems == ()
        assert proof.rows == taken.manifest.facts.rows
        assert acked_meanwhile > 0
        assert load.longest_wait_s < 5
    restore(elsewhere, taken.path, How("test", datetime.now(UTC)))
    with inside(elsewhere):
        rows = db.session.execute(
            select(Device.device_id, Reading.seq).join(Reading, Reading.device_pk == Device.id)
        ).all()
        assert len(rows) == len(set(rows)) == taken.manifest.facts.tables["reading"].rows
        assert acked_before <= {(row.device_id, row.seq) for row in rows}
        newest: dict[str, int] = {}
        for device_id, seq in rows:
            newest[device_id] = max(newest.get(device_id, 0), seq)
        latest = select(Device.device_id, DeviceState.seq).join(DeviceState.device)
        assert newest == dict(db.session.execute(latest).all())


# --- Generations and counters never go back -------------------------------------------------


def counters() -> dict[str, int]:
    """Everything that a device, a browser, a program or an auditor may have seen, by name."""
    db.session.rollback()
    rows = [
        select("generation " + Device.device_id, Configuration.generation).join(
            Configuration, Configuration.device_pk == Device.id
        ),
        select("version of " + Device.device_id, Device.version),
        select("revision of " + Ward.slug, Ward.revision),
    ]
    found = {name: value for query in rows for name, value in db.session.execute(query)}
    for model in (Alert, Assignment):
        for key, version in db.session.execute(select(model.id, model.version)):
            found[f"version of {model.__tablename__} {key}"] = version
    found["audit"] = db.session.scalar(select(AuditChain.last_id)) or 0
    return found


def new_ids(at: datetime) -> dict[str, int]:
    """What the next alert, assignment and token are called."""
    at_a_dead_charger = {"status": "not_charging", "power_source": "mains"}
    dying = reading(int(at.timestamp()), soc=1, at=at, battery=at_a_dead_charger)
    say("telemetry", telemetry(dying), at, "cart-002")
    say("telemetry", telemetry(reading(int(at.timestamp()) + 1, soc=90, at=at)), at, "cart-002")
    assign_profile("medication-cart", 1, Scope.DEVICE, "cart-002", "test", at)
    create_api_token("t", ["read"], None, "test", at)
    newest = {m.__tablename__: db.session.scalar(select(func.max(m.id))) or 0
              for m in (Alert, Assignment, ApiToken)}  # fmt: skip
    remove_assignment(newest["assignment"], "test", at)
    return newest


def live(at: datetime) -> None:
    """Some time in which everything that counts is counted on."""
    for minute in range(3):
        now = at + timedelta(minutes=minute)
        new_ids(now)
        for number in (1, 2):
            tag = {"asset_tag": f"CART-{number:03d}-{minute}"}
            change_device(f"cart-{number:03d}", tag, "test", now)
    standing = db.session.scalars(select(Alert.id).where(Alert.state == "open")).first()
    if standing:
        acknowledge_alert(standing, "test", at)


def assert_higher(now: dict[str, int], before: dict[str, int]) -> None:
    assert {name: value for name, value in now.items() if value <= before.get(name, -1)} == {}


def desired_generations() -> dict[str, int]:
    """What devices are going to hear."""
    waiting = db.session.execute(select(OutboxMessage.topic, OutboxMessage.payload))
    return {
        f"generation {topic.split('/')[3]}": msgspec.json.decode(payload, type=Desired).generation
        for topic, payload in waiting
        if topic.endswith("/desired") and payload
    }


def test_nothing_that_somebody_has_seen_is_counted_again(
    worker: Flask, settings: Settings, elsewhere: Settings
) -> None:
    with worker.app_context():
        build_hospital()
        new_ids(NOON)
        say("telemetry", telemetry(reading(1, soc=1)))
        taken = take_backup(settings, settings.backup_dir, 3, "test", NOON)
        live(NOON)
        seen, ids_seen = counters(), new_ids(NOON + timedelta(minutes=9))
    for accident in (1, 2):  # the second time, what was counted after the first restore is lost
        at = NOON + timedelta(hours=accident)
        restore(elsewhere, taken.path, How("test", at, force=True))
        with inside(elsewhere):
            assert_higher(counters(), seen)
            told = desired_generations()
            assert told.keys() == {"generation cart-001", "generation cart-002"}
            assert_higher(told, seen)
            assert_higher(new_ids(at), ids_seen)
            live(at)
            seen, ids_seen = counters(), new_ids(at + timedelta(minutes=9))


def test_a_database_put_back_by_other_means_counts_on_as_well(
    worker: Flask, settings: Settings
) -> None:
    with worker.app_context():
        build_hospital()
        new_ids(NOON)
        seen = counters()
        db.session.remove()
    lost = recovered_in_place(settings, How("test", NOON + timedelta(minutes=7)))
    assert lost == timedelta(minutes=7)
    with worker.app_context():
        raised = counters()
        assert_higher(raised, seen)
        assert raised["generation cart-001"] - seen["generation cart-001"] > 7 * 60


def test_ways_in_that_were_ended_after_the_backup_stay_ended(
    worker: Flask, settings: Settings, elsewhere: Settings
) -> None:
    with worker.app_context():
        build_hospital()
        password = "correct horse battery"
        create_administrator(offer(NOON) or "", "zoe", password, NOON)
        session = sign_in("zoe", password, NOON) or ""
        token = create_api_token("leaked", ["write"], None, "test", NOON)
        taken = take_backup(settings, settings.backup_dir, 3, "test", NOON)
        revoke_api_token(1, "test", NOON)
    restore(elsewhere, taken.path, How("test", NOON))
    with inside(elsewhere):
        assert signed_in_user(session, NOON) is None
        assert valid_token(token, NOON) is None
        assert sign_in("zoe", password, NOON)
    restore(elsewhere, taken.path, How("test", NOON, force=True, keep_tokens=True))
    with inside(elsewhere):
        assert valid_token(token, NOON)

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.services import retention
from fleet.services.retention import forget_old
from fleet.store.database import db
from fleet.store.models import QuarantinedMessage, Reading
from tests.support.hospital import NOON, build_hospital, reading, say, telemetry


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_readings_past_their_time_are_forgotten_and_no_others() -> None:
    for day in range(5):
        at = NOON + timedelta(days=day)
        say("telemetry", telemetry(reading(day, at=at)), at)
    assert forget_old(NOON + timedelta(days=2), NOON) == 2
    assert count(Reading) == 3
    assert forget_old(NOON + timedelta(days=2), NOON) == 0


def test_a_device_that_sends_rubbish_for_ever_fills_no_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "QUARANTINE_OF_ONE", 3)
    for _ in range(10):
        say("telemetry", b"rubbish")
    say("telemetry", b"rubbish", device_id="cart-002")
    newest = db.session.scalars(
        select(QuarantinedMessage.id).order_by(QuarantinedMessage.id.desc()).limit(4)
    ).all()
    forget_old(NOON - timedelta(days=90), NOON)
    db.session.rollback()
    kept = db.session.scalars(select(QuarantinedMessage.id)).all()
    assert sorted(kept) == sorted(newest)


def test_quarantined_messages_end_after_a_month() -> None:
    say("telemetry", b"rubbish")
    forget_old(NOON - timedelta(days=90), NOON + timedelta(days=29))
    assert count(QuarantinedMessage) == 1
    forget_old(NOON - timedelta(days=90), NOON + timedelta(days=31))
    assert count(QuarantinedMessage) == 0

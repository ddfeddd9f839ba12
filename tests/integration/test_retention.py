"""What has had its time is forgotten, and nothing else, on both databases."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from fleet.domain.outage import HOLD
from fleet.domain.retention import CLASSES, Ages, Kept
from fleet.services import retention
from fleet.services.approve_device import approve_device
from fleet.services.enrolment_tokens import make_tokens
from fleet.services.judge_silence import judge_silence
from fleet.services.partitions import make_partitions
from fleet.services.retention import FORGET, forget_old
from fleet.services.rollups import roll_up
from fleet.services.send_command import expire_commands, send_command
from fleet.services.silence import mark_silent
from fleet.store.database import db, transaction
from fleet.store.models import (
    Alert,
    AuditEntry,
    Certificate,
    DailyRollup,
    DeviceCommand,
    EnrolmentToken,
    HourlyRollup,
    QuarantinedMessage,
    Reading,
    RollupProgress,
    Transition,
)
from fleet.store.partitions import partitioned_days
from fleet.store.rollup import day_of, hour_of
from tests.support.hospital import NOON, build_hospital, reading, say, telemetry

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
AGES: Ages = {c.kept: timedelta(c.days) for c in CLASSES}


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield


def count(model: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def forget(kept: Kept, days: float, now: datetime) -> None:
    """With that age for one class, and all the time in the world for the others."""
    forget_old({**dict.fromkeys(AGES, timedelta(20_000)), kept: timedelta(days)}, now)


def readings() -> list[int]:
    db.session.rollback()
    return sorted(db.session.scalars(select(Reading.seq)))


def heard(seq: int, at: datetime, sampled: datetime | None = None) -> None:
    say("telemetry", telemetry(reading(seq, at=sampled or at)), at)


def test_every_class_has_its_way_to_be_forgotten() -> None:
    assert {*FORGET, Kept.AUDIT} == set(Kept) == {c.kept for c in CLASSES}


@pytest.mark.parametrize("made", [True, False], ids=["partitions", "default"])
def test_readings_of_days_that_are_past_are_forgotten_and_no_others(made: bool) -> None:
    """On PostgreSQL with the partitions of their days, or from the default one."""
    begin = NOON + 400 * DAY
    if made:
        make_partitions(begin)
    for day in range(6):
        heard(day, begin + day * DAY)
    forget(Kept.READINGS, 1, begin + 3 * DAY)
    assert readings() == [2, 3, 4, 5]
    forget(Kept.READINGS, 1, begin + 3.4 * DAY)
    assert readings() == [2, 3, 4, 5]
    forget(Kept.READINGS, 1, begin + 5 * DAY)
    assert readings() == [4, 5]
    assert all(day >= day_of(begin + 4 * DAY) for day in partitioned_days(db.session()))


def test_days_that_nobody_forgot_for_long_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DEVICES_AT_ONCE", 1)
    for day in range(5):
        for cart in ("cart-001", "cart-002"):
            say("telemetry", telemetry(reading(day, at=NOON + day * DAY)), NOON + day * DAY, cart)
    forget(Kept.READINGS, 1, NOON + 30 * DAY)
    assert readings() == []


@pytest.mark.parametrize("year", [1970, 2099])
def test_a_reading_of_a_wrong_clock_is_kept_as_long_as_one_of_a_right_clock(year: int) -> None:
    heard(1, NOON, NOON.replace(year=year))
    heard(2, NOON + 2 * DAY, NOON.replace(year=year) + HOUR)
    forget(Kept.READINGS, 1, NOON + 1.4 * DAY)
    assert readings() == [1, 2]
    forget(Kept.READINGS, 1, NOON + 2.4 * DAY)
    assert readings() == [2]
    forget(Kept.READINGS, 1, NOON + 4 * DAY)
    assert readings() == []


def test_a_clock_that_is_a_week_ahead_gains_no_time() -> None:
    heard(1, NOON, NOON + 7 * DAY)
    forget(Kept.READINGS, 1, NOON + 3 * DAY)
    assert readings() == []


def test_rollups_outlive_readings_the_hourly_ones_shorter_than_the_daily_ones() -> None:
    with transaction() as session:
        session.execute(update(RollupProgress).values(open_hour=hour_of(NOON)))
    for day in range(3):
        heard(day, NOON + day * DAY)
    now = NOON + 2 * DAY + HOUR
    roll_up(now)
    forget(Kept.READINGS, 1, now + 10 * DAY)
    assert (count(Reading), count(HourlyRollup), count(DailyRollup)) == (0, 3, 3)
    forget(Kept.HOURLY, 1, now)
    assert (count(HourlyRollup), count(DailyRollup)) == (2, 3)
    forget(Kept.DAILY, 1, now + DAY)
    assert (count(HourlyRollup), count(DailyRollup)) == (2, 1)


def fall_silent(now: datetime) -> None:
    mark_silent(now)
    judge_silence(now + HOLD)


def test_changes_and_resolved_alerts_end_after_their_time_and_standing_alerts_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 2)
    heard(1, NOON)
    fall_silent(NOON + HOUR)
    heard(2, NOON + 2 * DAY)
    fall_silent(NOON + 3 * DAY)
    changes = count(Transition)
    assert (count(Alert), changes > 2) == (2, True)
    forget(Kept.CHANGES, 1, NOON + 2.9 * DAY)
    assert (count(Alert), 0 < count(Transition) < changes) == (2, True)
    forget(Kept.CHANGES, 1, NOON + 9 * DAY)
    assert (count(Alert), count(Transition)) == (1, 0)


def test_the_audit_is_forgotten_from_its_beginning_and_says_so() -> None:
    with transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.id > 4).values(at=NOON + DAY))
    entries = count(AuditEntry)
    forget(Kept.AUDIT, 365, NOON + 365 * DAY)
    assert count(AuditEntry) == entries
    forget(Kept.AUDIT, 365, NOON + 365.5 * DAY)
    assert count(AuditEntry) == entries - 4 + 1


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
    forget_old(AGES, NOON)
    db.session.rollback()
    kept = db.session.scalars(select(QuarantinedMessage.id)).all()
    assert sorted(kept) == sorted(newest)


def test_quarantined_messages_end_after_a_month() -> None:
    say("telemetry", b"rubbish")
    forget_old(AGES, NOON + 29 * DAY)
    assert count(QuarantinedMessage) == 1
    forget_old(AGES, NOON + 31 * DAY)
    assert count(QuarantinedMessage) == 0


def test_commands_end_after_a_year_and_one_that_still_runs_never() -> None:
    send_command("cart-001", "locate", "user:ada", NOON)
    expire_commands(NOON + HOUR)
    send_command("cart-001", "lock", "user:ada", NOON + HOUR)
    forget_old(AGES, NOON + 364 * DAY)
    assert count(DeviceCommand) == 2
    forget_old(AGES, NOON + 366 * DAY)
    db.session.rollback()
    assert [each.name for each in db.session.scalars(select(DeviceCommand))] == ["lock"]


def test_enrolment_tokens_end_after_they_expired_but_not_while_a_device_waits() -> None:
    make_tokens(["cart-001", "cart-002"], False, "test", NOON)
    with transaction() as session:
        waiting = session.scalars(select(EnrolmentToken).order_by(EnrolmentToken.id)).first()
        assert waiting is not None
        waiting.used_at = NOON
    forget_old(AGES, NOON + 90 * DAY)
    assert count(EnrolmentToken) == 2
    forget_old(AGES, NOON + 91.5 * DAY)
    assert count(EnrolmentToken) == 1
    approve_device("cart-001", "test", NOON + 92 * DAY)
    forget_old(AGES, NOON + 184 * DAY)
    assert count(EnrolmentToken) == 0


def test_of_each_device_the_newest_certificate_stays_with_its_token() -> None:
    make_tokens(["cart-001"], True, "test", NOON)
    with transaction() as session:
        token = session.scalars(select(EnrolmentToken)).one()
        session.add_all(
            Certificate(device_pk=token.device_pk, token_id=token.id, serial=serial, pem="",
                        issued_at=NOON, expires_at=NOON + days * DAY)
            for serial, days in (("a", 90), ("b", 91))
        )  # fmt: skip
    forget_old(AGES, NOON + 2_000 * DAY)
    db.session.rollback()
    assert [each.serial for each in db.session.scalars(select(Certificate))] == ["b"]
    assert count(EnrolmentToken) == 1

"""The sweep: who is past its deadline is found by an index that no report moves."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from fleet.domain.outage import HOLD
from fleet.ingest.pipeline import process
from fleet.services.follow_clock import follow_clock
from fleet.services.judge_silence import judge_silence
from fleet.services.silence import LOOK_EVERY, mark_silent
from fleet.store.database import db, transaction
from fleet.store.models import Alert, DeviceState
from tests.support.api import statements
from tests.support.hospital import (
    NOON,
    build_hospital,
    message,
    reading,
    say,
    seconds,
    state,
    telemetry,
)

DEADLINE = NOON + seconds(75)
"""Of a cart that reports every 15 s, last heard at noon."""
FORWARD, BACK = timedelta(minutes=10), timedelta(minutes=-10)


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        say("telemetry", telemetry(reading(1)))
        yield


def test_who_has_spoken_is_looked_at_again_at_its_deadline_and_not_before() -> None:
    mark_silent(NOON)
    assert state().check_after == DEADLINE
    say("telemetry", telemetry(reading(2, at=NOON + seconds(15))), NOON + seconds(15))
    assert state().offline_after == DEADLINE + seconds(15)
    mark_silent(DEADLINE - seconds(1))
    assert state().check_after == DEADLINE
    mark_silent(DEADLINE)
    assert (state().check_after, state().online) == (DEADLINE + seconds(15), True)
    assert mark_silent(DEADLINE + seconds(15)) == 1


def test_one_that_reports_seldom_is_looked_at_often_enough_for_a_shorter_interval() -> None:
    db.session.execute(update(DeviceState).values(offline_after=NOON + timedelta(hours=4)))
    db.session.commit()
    mark_silent(NOON)
    assert state().check_after == NOON + LOOK_EVERY


def test_one_that_comes_back_is_looked_at_although_nobody_moved_its_deadline() -> None:
    assert mark_silent(DEADLINE) == 1
    back = DEADLINE + timedelta(days=3)
    say("telemetry", telemetry(reading(2, at=back)), back)
    assert mark_silent(back + seconds(74)) == 0
    assert mark_silent(back + seconds(75)) == 1


@pytest.mark.parametrize("step", [FORWARD, BACK])
def test_the_next_look_goes_along_when_the_clock_is_put(step: timedelta) -> None:
    mark_silent(NOON)
    follow_clock(step, NOON + step)
    assert state().check_after == DEADLINE + step
    assert mark_silent(DEADLINE + step - seconds(1)) == 0
    assert mark_silent(DEADLINE + step) == 1


@pytest.mark.parametrize("step", [FORWARD, BACK])
def test_a_silence_is_judged_as_much_later_as_ever_when_the_clock_is_put(step: timedelta) -> None:
    mark_silent(DEADLINE)
    put = DEADLINE + seconds(20) + step
    follow_clock(step, put)
    judge_silence(put + HOLD - seconds(21))
    assert db.session.scalars(select(Alert.kind)).all() == []
    judge_silence(put + HOLD - seconds(20))
    assert db.session.scalars(select(Alert.kind)).all() == ["offline"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_sweep_looks_at_nobody_who_is_not_due(worker: Flask) -> None:
    with statements(worker) as sent:
        mark_silent(NOON)
    looks = [sql for sql in sent if "device_state" in sql]
    assert len(looks) == 2  # to whom to look later, and who is silent
    for sql in looks:
        values = (1,) * sql.count("?")
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        assert any("ix_device_state_check (check_after<?)" in row.detail for row in plan), sql


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_report_moves_no_index(worker: Flask) -> None:
    """PostgreSQL then writes the row beside itself: HOT, heap-only tuple."""
    for n in range(2, 12):
        say("telemetry", telemetry(reading(n, at=NOON + seconds(n))), NOON + seconds(n))
    db.session.execute(text("SELECT pg_stat_force_next_flush()"))
    db.session.commit()
    query = text(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'device_state'"
    )
    updated, hot = db.session.execute(query).one()
    assert updated >= 11
    assert hot >= 10


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_sweep_does_not_wait_for_a_device_whose_reading_is_being_recorded(
    worker: Flask,
) -> None:
    say("telemetry", telemetry(reading(1)), NOON, "cart-002")
    with transaction() as session:
        held = select(DeviceState).where(DeviceState.device_pk == 1).with_for_update()
        session.execute(held).all()
        with worker.app_context():  # another session, in the same thread: it must not wait
            db.session.execute(text("SET lock_timeout = '2s'"))
            db.session.commit()
            assert mark_silent(NOON + seconds(1)) == 0
            checks = list(
                db.session.scalars(select(DeviceState.check_after).order_by(DeviceState.device_pk))
            )
            db.session.rollback()
    assert checks[0] < NOON
    assert checks[1] == DEADLINE


def test_the_wills_of_two_devices_are_as_many_statements_as_that_of_one(worker: Flask) -> None:
    """After a power cut the broker speaks ten thousand of them in a second."""
    say("telemetry", telemetry(reading(1)), NOON, "cart-002")
    gone = {"online": False, "session": 1}
    counts = []
    for names in (["cart-001"], ["cart-001", "cart-002"]):
        for name in names:
            say("telemetry", telemetry(reading(5 + len(counts))), NOON, name)
        with statements(worker) as sent:
            process([message("state", gone, NOON, name) for name in names], NOON)
        counts.append(len(sent))
    assert counts[0] == counts[1]

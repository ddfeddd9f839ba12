"""Fault 11: the server's clock is put ten minutes forward or back; nobody falls silent by that."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.jobs.silence import Watch
from fleet.store.clock import Clock
from fleet.store.database import db
from fleet.store.models import Alert, DeviceState
from tests.support.hospital import NOON, build_hospital, reading, say, seconds, telemetry

CARTS = 8
FORWARD, BACK = timedelta(minutes=10), timedelta(minutes=-10)


class Server:
    """The clock that all processes of the service follow, and the schedule that watches by it."""

    def __init__(self) -> None:
        self.time = NOON
        self._ticks = 0.0
        self.clock = Clock(lambda: self.time, every_s=0, tick=lambda: self._ticks)
        self.watch = Watch(lambda: self.clock, settled_after_s=0)

    def pass_by(self, count: float) -> None:
        self._ticks += count
        self.time += seconds(count)

    def put(self, by: timedelta) -> None:
        self.time += by

    def look(self) -> None:
        self.watch(self.clock.now())


@pytest.fixture
def server(worker: Flask) -> Iterator[Server]:
    with worker.app_context():
        build_hospital(carts=CARTS)
        yield Server()


def report(at: datetime, seq: int, *carts: int) -> None:
    for n in carts or range(1, CARTS + 1):
        body = telemetry(reading(seq, at=at, battery={"serial": f"LFP-{n}"}))
        say("telemetry", body, at, f"cart-{n:03d}")


def online() -> int:
    return db.session.scalar(select(func.count()).where(DeviceState.online)) or 0


def offline_alerts() -> int:
    return db.session.scalar(select(func.count()).where(Alert.kind == "offline")) or 0


@pytest.mark.parametrize("by", [FORWARD, BACK])
def test_the_clock_is_put_and_no_cart_that_reports_falls_silent(
    server: Server, by: timedelta
) -> None:
    for seq in range(1, 30):
        report(server.time, seq)
        server.pass_by(7)
        if seq == 10:
            server.put(by)
        server.look()
        server.pass_by(8)
    assert (online(), offline_alerts()) == (CARTS, 0)


@pytest.mark.parametrize("by", [FORWARD, BACK])
def test_a_cart_that_dies_as_the_clock_is_put_is_missed_when_its_time_has_come(
    server: Server, by: timedelta
) -> None:
    report(server.time, 1)
    server.pass_by(5)
    server.put(by)
    server.look()
    for seq in range(2, 8):  # 60 s after the last word of the first cart: not yet
        report(server.time, seq, *range(2, CARTS + 1))
        server.pass_by(10)
        server.look()
    assert online() == CARTS
    for seq in range(8, 16):  # 140 s after it: silent, by whatever clock
        report(server.time, seq, *range(2, CARTS + 1))
        server.pass_by(10)
        server.look()
    assert (online(), offline_alerts()) == (CARTS - 1, 1)


def test_until_every_process_has_seen_the_new_time_nobody_is_marked(server: Server) -> None:
    patient = Watch(lambda: server.clock, settled_after_s=60)
    report(server.time, 1)
    server.put(FORWARD)
    patient(server.clock.now())
    assert online() == CARTS

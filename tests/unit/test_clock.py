from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError

from fleet.store.clock import Clock
from tests.support.hospital import NOON, seconds


class World:
    """The server's clock, and the monotonic one of this machine."""

    def __init__(self) -> None:
        self.server = NOON
        self.away = False
        self.ticks = 0.0
        self.clock = Clock(self.look, every_s=5, tick=lambda: self.ticks)

    def look(self) -> datetime:
        if self.away:
            raise OperationalError("SELECT", {}, Exception("away"))
        return self.server

    def pass_by(self, count: float) -> None:
        self.ticks += count
        self.server += seconds(count)


def test_between_two_looks_the_monotonic_clock_counts_on() -> None:
    world = World()
    world.ticks = 3
    assert world.clock.now() == NOON + seconds(3)


def test_the_servers_time_is_followed_and_a_step_of_it_is_told_once() -> None:
    world = World()
    world.server += timedelta(minutes=10)
    world.pass_by(5)
    assert world.clock.now() == NOON + timedelta(minutes=10) + seconds(5)
    assert world.clock.take_steps() == timedelta(minutes=10)
    assert world.clock.take_steps() == timedelta(0)


def test_drift_is_followed_and_is_no_step() -> None:
    world = World()
    world.server += seconds(2)
    world.pass_by(5)
    assert world.clock.now() == NOON + seconds(7)
    assert not world.clock.take_steps()


def test_while_the_database_is_away_time_goes_on() -> None:
    world = World()
    world.away = True
    for _ in range(10):
        world.ticks += 6
        world.clock.now()
    assert world.clock.now() == NOON + seconds(60)
    assert not world.clock.take_steps()


def test_what_never_waits_does_not_look() -> None:
    world = World()
    world.server += timedelta(hours=1)
    world.ticks = 100
    assert world.clock.reckoned() == NOON + seconds(100)

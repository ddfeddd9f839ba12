"""The service's time: the database server's, so that the clocks of its machines need not agree.

Between two looks at it the monotonic clock counts on: a machine whose clock is put forward or back
goes on as if nothing had happened. With SQLite there is one machine, and its clock is followed.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from weakref import WeakKeyDictionary

from sqlalchemy import DateTime, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from fleet.store.database import db

LOOK_EVERY_S = 5.0
STEP = timedelta(seconds=30)
"""Less than this is drift, or a slow answer of the server."""


class Clock:
    """`stepped` adds up the steps that were seen, until somebody takes them."""

    def __init__(
        self, look: Callable[[], datetime], every_s: float, tick: Callable[[], float] = monotonic
    ) -> None:
        self._look = look
        self._every_s = every_s
        self._tick = tick
        self._changing = Lock()
        self._steps = timedelta(0)
        self._anchor = self._first_look()
        self._at = tick()

    def now(self) -> datetime:
        with self._changing:
            if self._tick() - self._at >= self._every_s:
                self._follow()
            return self.reckoned()

    def reckoned(self) -> datetime:
        """The time by the monotonic clock alone: never waits for anything."""
        return self._anchor + timedelta(seconds=self._tick() - self._at)

    def take_steps(self) -> timedelta:
        """By how much the time was put forward (or back, below zero) since the last call."""
        self.now()
        with self._changing:
            steps, self._steps = self._steps, timedelta(0)
        return steps

    def _first_look(self) -> datetime:
        try:
            return self._look()
        except SQLAlchemyError:
            return datetime.now(UTC)  # of this machine, until the server answers

    def _follow(self) -> None:
        expected = self.reckoned()
        try:
            seen = self._look()
        except SQLAlchemyError:
            seen = expected  # the database is away: its time goes on all the same
        if abs(seen - expected) >= STEP:
            self._steps += seen - expected
        self._anchor, self._at = seen, self._tick()


def service_clock() -> Clock:
    """The clock of this application's database; one for each engine."""
    engine = db.engine
    with _making:
        if engine not in _clocks:
            is_server = engine.dialect.name == "postgresql"
            look = _server_time(engine) if is_server else _this_machine
            _clocks[engine] = Clock(look, LOOK_EVERY_S if is_server else 0.0)
        return _clocks[engine]


def service_now() -> datetime:
    return service_clock().now()


_making = Lock()
_clocks: WeakKeyDictionary[Engine, Clock] = WeakKeyDictionary()


def _this_machine() -> datetime:
    return datetime.now(UTC)


_SERVER_TIME = select(func.clock_timestamp(type_=DateTime(timezone=True)))


def _server_time(engine: Engine) -> Callable[[], datetime]:
    def look() -> datetime:
        with engine.connect() as connection:
            return connection.execute(_SERVER_TIME).scalar_one().astimezone(UTC)

    return look

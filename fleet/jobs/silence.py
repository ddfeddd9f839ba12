"""Devices fall silent by a deadline; where the clock is put forward or back, so are deadlines."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic

from fleet.services.follow_clock import follow_clock
from fleet.services.judge_silence import judge_silence
from fleet.services.silence import mark_silent
from fleet.store.clock import LOOK_EVERY_S, Clock, service_clock

SETTLED_AFTER_S = 2 * LOOK_EVERY_S
"""By then every process has seen the new time."""


class Watch:
    """Marks and judges who is silent; after a step of the clock it first moves the deadlines.

    Else ten minutes forward would silence a whole hospital, and ten back would hide a dead cart.
    """

    def __init__(
        self,
        clock: Callable[[], Clock] = service_clock,
        settled_after_s: float = SETTLED_AFTER_S,
    ) -> None:
        self._clock = clock
        self._settled_after_s = settled_after_s
        self._looking = Lock()
        self._steps = timedelta(0)
        self._settled_at = 0.0

    def __call__(self, now: datetime) -> None:
        self._look()
        if monotonic() < self._settled_at:
            return
        if self._steps:
            follow_clock(self._steps, now)
            self._steps = timedelta(0)
        mark_silent(now)
        judge_silence(now)

    def is_settled(self) -> bool:
        """Whether deadlines can be relied on: none waits for being moved."""
        self._look()
        return monotonic() >= self._settled_at and not self._steps

    def _look(self) -> None:
        with self._looking:
            if stepped := self._clock().take_steps():
                self._steps += stepped
                self._settled_at = monotonic() + self._settled_after_s

"""How long to wait before the next attempt to connect."""

from random import Random

FIRST_S = 5.0
"""When a broker restarts, 10,000 devices come back at 2,000 a second: a core's TLS handshakes."""
LONGEST_S = 30.0
STEADY_S = 30.0
"""A connection that has held this long was a good one: the next waits are short again."""


class Backoff:
    """Exponential with full jitter: after a power cut, thousands come back spread out."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._ceiling = FIRST_S

    def next_wait(self) -> float:
        """Seconds, anywhere up to a ceiling that doubles each time."""
        wait = self._rng.uniform(0.0, self._ceiling)
        self._ceiling = min(2 * self._ceiling, LONGEST_S)
        return wait

    def held_for(self, seconds: float) -> None:
        """To be told how long a connection held that is now lost."""
        if seconds >= STEADY_S:
            self._ceiling = FIRST_S

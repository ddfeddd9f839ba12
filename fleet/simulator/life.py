"""A device's day among nurses: used, moved, parked, plugged in or forgotten, and its mishaps.

Chance decides, from the one random source of the device; time is simulated seconds.
"""

import math
from random import Random

from fleet.domain.words import Chemistry
from fleet.simulator.battery import SimulatedPack
from fleet.simulator.habits import DAY, HOUR, MINUTE, Habits, in_round
from fleet.simulator.roster import Opening, Ward

NOTICED_S = 100 * MINUTE
"""Until somebody plugs in a parked device that is low."""
DEAD_CHARGER = 0.03
DEAD_CHARGER_S = 3 * HOUR
EMPTY_SOON = 0.08
"""Below this a device beeps until it is charged."""
MOVES_S = 10 * MINUTE
CRASHES_S = 12 * DAY
OUT_OF_RANGE_S = 14 * DAY
FIDDLED_S = 9 * DAY
"""Until somebody changes a setting by hand."""


class Life:
    """What people do with one device, and what happens to it."""

    def __init__(self, habits: Habits, pack: SimulatedPack, ward: Ward, rng: Random) -> None:
        self._habits, self._pack, self._ward, self._rng = habits, pack, ward, rng
        self._low = 0.5 if pack.build.chemistry == Chemistry.LEAD_ACID else 0.25
        self.in_use = False
        self.plugged_in = False
        self.charger_dead = False
        self.app_down_s = 0.0
        self.out_of_range_s = 0.0
        self.idle_s = rng.uniform(10 * MINUTE, 4 * HOUR)
        self.zone = rng.choice(ward.zones)
        self._use_left_s = 0.0
        self._leaves_in_s = math.inf

    def begin(self, opening: Opening) -> None:
        """Start the story in the middle."""
        match opening:
            case Opening.IN_USE:
                self._take()
            case Opening.CHARGING:
                self.plugged_in = True
            case Opening.DEAD_CHARGER:
                self.plugged_in = self.charger_dead = True
            case Opening.APP_DOWN:
                self.app_down_s = self._rng.uniform(2 * HOUR, 4 * HOUR)
            case Opening.OUT_OF_RANGE:
                self._leaves_in_s = 20 * MINUTE

    @property
    def load_w(self) -> float:
        return self._habits.active_w if self.in_use else self._habits.standby_w

    @property
    def is_charged(self) -> bool:
        return self.plugged_in and not self.charger_dead

    def step(self, seconds: float, hour: float) -> bool:
        """Live for a while at this hour of the day. True where somebody has fiddled with it."""
        if self.in_use:
            self._go_on(seconds)
        else:
            self._rest(seconds, hour)
        self._suffer(seconds)
        return self._happens(seconds, FIDDLED_S)

    def _go_on(self, seconds: float) -> None:
        self._use_left_s -= seconds
        self.idle_s = self._rng.uniform(0, 45)
        if self._happens(seconds, MOVES_S):
            self.zone = self._rng.choice(self._ward.zones[:4])
        if self._use_left_s <= 0 or self._pack.soc < EMPTY_SOON or self.app_down_s > 0:
            self._park()

    def _rest(self, seconds: float, hour: float) -> None:
        self.idle_s += seconds
        if self.charger_dead:
            self._notice_dead_charger(seconds)
        elif not self.plugged_in and self._somebody_plugs_in(seconds):
            self._plug_in()
        gap_s = self._habits.gap_in_round_s if in_round(hour) else self._habits.gap_else_s
        if self._is_fit() and self._happens(seconds, gap_s):
            self._take()

    def _suffer(self, seconds: float) -> None:
        self.app_down_s = max(self.app_down_s - seconds, 0.0)
        if self._happens(seconds, CRASHES_S):
            self.app_down_s = self._rng.uniform(1 * HOUR, 3 * HOUR)
        self.out_of_range_s = max(self.out_of_range_s - seconds, 0.0)
        self._leaves_in_s -= seconds
        if self._leaves_in_s <= 0 or self._happens(seconds, OUT_OF_RANGE_S):
            self._leaves_in_s = math.inf
            self.out_of_range_s = self._rng.uniform(1.5 * HOUR, 4 * HOUR)

    def _notice_dead_charger(self, seconds: float) -> None:
        if self._pack.soc < EMPTY_SOON or self._happens(seconds, DEAD_CHARGER_S):
            self.charger_dead = False

    def _somebody_plugs_in(self, seconds: float) -> bool:
        if self._pack.soc < EMPTY_SOON:
            return True
        return self._pack.soc < self._low and self._happens(seconds, NOTICED_S)

    def _is_fit(self) -> bool:
        """Nobody takes a device that is low, broken, or in the middle of its charge."""
        enough = 0.75 if self.plugged_in else self._low + 0.05
        return self._pack.soc >= enough and self.app_down_s == 0

    def _take(self) -> None:
        self.in_use, self.plugged_in, self.charger_dead = True, False, False
        self._use_left_s = min(self._rng.expovariate(1 / self._habits.use_s), 2 * HOUR)
        self.zone = self._rng.choice(self._ward.zones[:4])
        self.idle_s = 0.0

    def _park(self) -> None:
        self.in_use = False
        self.zone = self._rng.choice(self._ward.zones)
        eager = 0.6 if self._pack.soc < self._low + 0.15 else self._habits.plug_in
        if self._rng.random() < eager:
            self._plug_in()

    def _plug_in(self) -> None:
        self.plugged_in = True
        self.charger_dead = self._rng.random() < DEAD_CHARGER

    def _happens(self, seconds: float, mean_s: float) -> bool:
        return self._rng.random() < 1 - math.exp(-seconds / mean_s)

"""Devices as the protocol asks them to be: each keeps what it measured until an ack covers it.

What a reading says follows from (seed, device, boot, seq) alone, so that the checker knows what
must be in the database without being told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zlib import crc32

import msgspec

Key = tuple[int, int]
"""(boot, seq) of one reading."""

CYCLE = 20
"""Readings from one full charge to the next: half charging, the two before at a dead charger."""
PATIENCE_S = 2.0
"""What has no ack by then is sent again, and then after twice as long, up to LONGEST_S."""
LONGEST_S = 8.0


@dataclass(frozen=True, slots=True)
class Habits:
    """What devices do to a service, as probabilities each time that one has something to say."""

    twice: float = 0.05
    shuffled: float = 0.2
    away: float = 0.05
    """Out of range for some readings, which come later and together."""
    reboot: float = 0.02
    copies: int = 1
    """Of each message, sent one after the other."""
    at_once: int = 200
    """Readings in one message, at most."""


WILD = Habits()
CALM = Habits(twice=0, shuffled=0, away=0, reboot=0)


@dataclass(slots=True)
class Boot:
    """Reading n of a boot is taken at `started` (seconds since 1970) + n * `pace_s`."""

    started: float
    pace_s: float
    taken: int = 0

    def taken_at(self, seq: int) -> datetime:
        """In whole milliseconds, as SQLite keeps it."""
        ms = round((self.started + seq * self.pace_s) * 1000)
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)


class Device:
    """`boots` holds what was measured, `kept` what of it no ack has covered yet.

    The value in `kept` is when to send it again; 0 means that it was never sent.
    """

    def __init__(
        self, device_id: str, seed: int, now: float, pace_s: float = 1.0, habits: Habits = WILD
    ) -> None:
        self.id = device_id
        self.seed = seed
        self.boots = {1: Boot(now, pace_s)}
        self.kept: dict[Key, float] = {}
        self.complaints: list[str] = []
        self._boot = 1
        self._pace_s, self._habits = pace_s, habits
        self._rng = Random(f"{seed}/{device_id}")
        self._patience_s = PATIENCE_S
        self._quiet_until = 0.0

    def battery(self, boot: int, seq: int) -> dict[str, Any]:
        return battery(self.seed, self.id, boot, seq)

    @property
    def next_due(self) -> float:
        """When the next reading is to be taken."""
        boot = self.boots[self._boot]
        return boot.started + (boot.taken + 1) * boot.pace_s

    def measure(self, now: float) -> None:
        if self._rng.random() < self._habits.reboot:
            self.reboot(now)
        boot = self.boots[self._boot]
        boot.taken += 1
        self.kept[self._boot, boot.taken] = 0.0

    def reboot(self, now: float) -> None:
        self._boot += 1
        self.boots[self._boot] = Boot(now - self._pace_s, self._pace_s)

    def remember(self, readings: int, since: float, now: float) -> None:
        """It was out of range from `since` until now, measured all the time, and sent nothing."""
        boot = Boot(since, (now - since) / readings, readings)
        self.boots[self._boot] = boot
        self.kept |= {(self._boot, seq): 0.0 for seq in range(1, readings + 1)}
        self.reboot(now)

    def come_back(self) -> None:
        """From wherever it is, and stay in range."""
        self._habits = replace(self._habits, away=0)
        self._quiet_until = 0.0

    def reconnected(self, now: float) -> None:
        """What was on the way may be lost: all of it again, but not all devices at once."""
        self._patience_s, self._quiet_until = PATIENCE_S, now + self._rng.random()
        self.kept = dict.fromkeys(self.kept, 0.0)

    def messages(self, now: float) -> list[bytes]:
        """What is to be said now: the readings never sent, and those that waited long enough."""
        due = [key for key, again in self.kept.items() if again <= now]
        if not due or now < self._quiet_until:
            return []
        if self._rng.random() < self._habits.away:
            self._quiet_until = now + self._rng.uniform(1, 5) * self._pace_s
            return []
        if any(self.kept[key] for key in due):
            # Nobody answers: one message from the oldest on, and the next after a longer wait.
            due = due[: self._habits.at_once]
            self._patience_s = min(2 * self._patience_s, LONGEST_S)
            self._quiet_until = now + self._patience_s
        for key in due:
            self.kept[key] = now + self._patience_s
        if self._rng.random() < self._habits.shuffled:
            self._rng.shuffle(due)
        twice = self._rng.random() < self._habits.twice
        return [*self._encoded(due, now)] * (self._habits.copies + twice)

    def hear(self, payload: bytes) -> None:
        """An ack: forget what it covers. None may cover what was never measured."""
        ack = msgspec.json.decode(payload)
        taken = self.boots[ack["boot"]].taken if ack["boot"] in self.boots else 0
        for first, last in ack["ranges"]:
            if not 1 <= first <= last <= taken:
                self.complaints.append(f"{self.id}: acked what it never measured: {ack}")
            for seq in range(first, min(last, taken) + 1):
                self.kept.pop((ack["boot"], seq), None)
        for refusal in ack.get("refused", ()):
            self.complaints.append(f"{self.id}: refused in boot {ack['boot']}: {refusal}")
        self._patience_s, self._quiet_until = PATIENCE_S, 0.0

    def _encoded(self, keys: Sequence[Key], now: float) -> Iterator[bytes]:
        for begin in range(0, len(keys), self._habits.at_once):
            seqs_of: dict[int, list[int]] = {}
            for boot, seq in keys[begin : begin + self._habits.at_once]:
                seqs_of.setdefault(boot, []).append(seq)
            for boot, seqs in seqs_of.items():
                yield msgspec.json.encode(self._telemetry(boot, seqs, now))

    def _telemetry(self, boot: int, seqs: Sequence[int], now: float) -> dict[str, Any]:
        message = {"v": 1, "boot": boot, "readings": [self._reading(boot, seq) for seq in seqs]}
        if boot == self._boot:  # an earlier boot's uptimes say nothing of the age of its readings
            message["uptime_s"] = max(int(now - self.boots[boot].started), 0)
        return message

    def _reading(self, boot: int, seq: int) -> dict[str, Any]:
        memory = self.boots[boot]
        return {
            "seq": seq,
            "ts": memory.taken_at(seq).isoformat(),
            "uptime_s": int(seq * memory.pace_s),
            "clock": "synced",
            "batteries": [self.battery(boot, seq)],
            "location": {"zone": "3A-bay-1"},
            "system": {"idle_s": 900},
        }


def battery(seed: int, device_id: str, boot: int, seq: int) -> dict[str, Any]:
    """One pack on its way from full to nearly empty and back.

    Voltage and capacity are no physics but the mark of this very reading: no two are alike.
    """
    mark = crc32(f"{seed}/{device_id}/{boot}/{seq}".encode())
    step = (crc32(device_id.encode()) + seq) % CYCLE
    charging = step >= CYCLE // 2
    refused = CYCLE // 2 - 2 <= step < CYCLE // 2
    """Low, and plugged in: that is an alert at once, while a low charge is one after minutes."""
    return {
        "slot": 0,
        "serial": f"LFP-{device_id}",
        "chemistry": "LiFePO4",
        "soc_pct": 9 * (step - CYCLE // 2 + 1) if charging else 90 - 9 * step,
        "voltage_mv": mark % 1_000_000,
        "remaining_mah": mark % 9_999_991,
        "current_ma": 8_000 if charging else -2_000,
        "status": "charging" if charging else "not_charging" if refused else "discharging",
        "power_source": "mains" if charging or refused else "none",
    }

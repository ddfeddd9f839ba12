"""How simulated packs came to be as they are: their wear, from new until the simulation begins."""

from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fleet.simulator.battery import Build
from fleet.simulator.device import SimulatedHardware
from fleet.simulator.roster import Roster

Floats = NDArray[np.float64]

READINGS = 300
KNEE = (0.75, 1.25)
"""Exponents of the wear over the cycles: below 1 it slows down, above 1 it speeds up."""
CYCLES_A_DAY = (0.6, 1.1)


class Past(NamedTuple):
    """`cycles` and `health`, (READINGS,): what a gauge said, in equivalent full cycles and as a
    fraction of design capacity, in whole percents."""

    device_id: str
    serial: str
    build: Build
    cycles_a_day: float
    cycles: Floats
    health: Floats


def pasts(roster: Roster, seed: int) -> list[Past]:
    """One for the pack of each device, the same for the same seed."""
    found = []
    for device in roster.devices:
        pack = SimulatedHardware(device, roster, seed).pack
        rng = Random(f"{seed}/{device.device_id}/past")  # noqa: S311 - a simulation, not a secret
        cycles = np.linspace(1.0, max(pack.cycles, 1.0), READINGS)
        lost = (1 - pack.health) * (cycles / cycles[-1]) ** rng.uniform(*KNEE)
        health = np.round(1 - lost, 2)
        a_day = rng.uniform(*CYCLES_A_DAY)
        found.append(Past(device.device_id, pack.serial, pack.build, a_day, cycles, health))
    return found

import numpy as np

from fleet.simulator.device import SimulatedHardware
from fleet.simulator.past import pasts
from fleet.simulator.roster import demo_roster

ROSTER = demo_roster(1, wards=2, carts=16, tablets=8)


def test_the_wear_of_each_pack_ends_where_its_simulation_begins() -> None:
    for past, device in zip(pasts(ROSTER, 1), ROSTER.devices, strict=True):
        pack = SimulatedHardware(device, ROSTER, 1).pack
        assert (past.device_id, past.serial) == (device.device_id, pack.serial)
        assert past.cycles[-1] == max(pack.cycles, 1)
        assert abs(past.health[-1] - pack.health) <= 0.005


def test_packs_come_new_and_never_heal() -> None:
    for past in pasts(ROSTER, 1):
        assert past.health[0] >= 0.97
        assert (np.diff(past.health) <= 0).all()


def test_packs_of_one_build_wear_at_different_speeds() -> None:
    packs = [p for p in pasts(ROSTER, 1) if p.build.model == "PowerRail LFP 40"]
    lost_a_cycle = [(1 - p.health[-1]) / p.cycles[-1] for p in packs]
    assert max(lost_a_cycle) > 1.3 * min(lost_a_cycle)

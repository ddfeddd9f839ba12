"""What happens to packs that is not wear: from two readings of one pack, or one of a whole bay."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.packs import Charge, Pack
from fleet.domain.words import Chemistry

HEALTH_JUMP_PCT = 10
"""Health gained from one reading to the next: no pack heals so; another one is in the slot."""
COLLAPSE_FROM_PCT = 20
"""A gauge that falls from here to next to nothing at once did not count."""
EMPTY_PCT = 2
AT_ONCE = timedelta(minutes=10)
HOT_C = {Chemistry.LEAD_ACID: 50.0}
HOT_LITHIUM_C = 60.0
"""The usual limit of makers for lithium cells in discharge."""
SWOLLEN_FROM_C = 45.0
REST_MA = 50
BAY_AT_LEAST = 2


class Incident(StrEnum):
    SWAPPED = "pack swapped"
    GAUGE_RESET = "gauge reset"
    GAUGE_LIES = "gauge lies: run it down once under guidance"
    OVERHEATING = "overheating"
    SWELLING = "may be swollen: take it out and look"


def between(before: Pack, after: Pack, elapsed: timedelta) -> list[Incident]:
    """What happened to a slot between two readings; with SWAPPED a new history begins."""
    if _is_another(before, after):
        return [Incident.SWAPPED]
    found = []
    if _counts_less(before, after):
        found.append(Incident.GAUGE_RESET)
    if _collapsed(before, after, elapsed):
        found.append(Incident.GAUGE_LIES)
    return found


def worth_a_look(
    at: NDArray[np.float64], soc: NDArray[np.float64], counter: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(packs, readings): where `between` may find something since the reading before.

    `at` in seconds, `soc` as a fraction, `counter` in cycles. What the next readings take back was
    a glitch of the gauge, and nothing happened.
    """
    found = np.zeros(at.shape, dtype=bool)
    if at.shape[1] < 2:
        return found
    rest = np.fmax.accumulate(counter[:, ::-1], axis=1)[:, ::-1]
    found[:, 1:] = rest[:, 1:] < counter[:, :-1]
    lasting = np.fmax(soc[:, 1:], np.hstack([soc[:, 2:], soc[:, -1:]]))
    at_once = np.diff(at, axis=1) <= AT_ONCE.total_seconds()
    fell = (soc[:, :-1] >= COLLAPSE_FROM_PCT / 100) & (lasting <= EMPTY_PCT / 100)
    found[:, 1:] |= fell & at_once
    return found


def seen_in(pack: Pack, usual_rest_mv: float | None) -> list[Incident]:
    """`usual_rest_mv`: what this pack has at rest at this charge, in its own history.

    Gas from a cell that is overcharged or decays swells it, warms it without a current, and its
    rest voltage sinks by self-discharge: warm and low at rest together are a suspicion, no more.
    """
    if pack.temp_c is None:
        return []
    if pack.temp_c >= HOT_C.get(pack.chemistry or Chemistry.NMC, HOT_LITHIUM_C):
        return [Incident.OVERHEATING]
    at_rest = pack.current_ma is not None and abs(pack.current_ma) < REST_MA
    low = usual_rest_mv and pack.voltage_mv and pack.voltage_mv < 0.97 * usual_rest_mv
    return [Incident.SWELLING] if at_rest and low and pack.temp_c >= SWOLLEN_FROM_C else []


def docked_without_power(docked: bool, charge: Charge) -> bool:
    """It stands in its dock, is not full, and nothing comes."""
    return (
        docked and charge.present and not charge.full and not (charge.plugged_in or charge.charging)
    )


def dead_outlet(bay: Sequence[bool]) -> bool:
    """One alert for the bay: `docked_without_power` of all that stand there."""
    return len(bay) >= BAY_AT_LEAST and all(bay)


def _is_another(before: Pack, after: Pack) -> bool:
    if before.serial and after.serial:
        return before.serial != after.serial
    fewer = _counts_less(before, after)
    if before.soh_pct is None or after.soh_pct is None:
        return False
    healthier = after.soh_pct - before.soh_pct >= HEALTH_JUMP_PCT
    return fewer and healthier


def _counts_less(before: Pack, after: Pack) -> bool:
    return (
        before.cycle_count is not None
        and after.cycle_count is not None
        and after.cycle_count < before.cycle_count
    )


def _collapsed(before: Pack, after: Pack, elapsed: timedelta) -> bool:
    if before.soc_pct is None or after.soc_pct is None:
        return False
    fell = before.soc_pct >= COLLAPSE_FROM_PCT and after.soc_pct <= EMPTY_PCT
    return fell and elapsed <= AT_ONCE

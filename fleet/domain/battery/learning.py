"""What is made of a pack's swings: its capacity and health, how sure, and why not surer."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.capacity import Swings, capacity
from fleet.domain.battery.swings import Cut

Floats = NDArray[np.float64]

KEPT = 8
"""Swings of a pack that are remembered."""
PARTS = ("at", "moved_ah", "change", "from_full", "to_cutoff", "temp_c", "believed_ah")
AN_ANCHOR_IS_WORTH_S = 30 * 86_400.0
"""A swing from full to the cut-off is rare, and tells more than many that are newer."""
FORGOTTEN_AFTER_S = 180 * 86_400.0
PLAUSIBLE = (0.1, 1.3)
"""Of the design capacity: outside it a swing was not what it seemed."""
GAUGE_DEVIATION_PCT = 5.0
"""What a gauge's word on its own health is good for, where nothing confirms it."""
CONFIRMED_WITHIN = 2.0
"""Deviations of the counted health within which the gauge's is confirmed by it."""


class Health(NamedTuple):
    """Percent of design capacity, or None; `source` is `counted` or `gauge`."""

    pct: float | None
    deviation_pct: float | None
    source: str | None
    reason: str | None
    learned_mah: float | None = None
    learned_deviation_mah: float | None = None


def no_swings(packs: int) -> Floats:
    """(packs, KEPT, PARTS)."""
    return np.full((packs, KEPT, len(PARTS)), np.nan)


def remember(kept: Floats, cut: Cut, believed_mah: Floats, design_mah: Floats) -> None:
    """Put new swings in place of the ones worth least; what cannot be is passed over."""
    whole_ah = cut.moved_mah / cut.change / 1000
    built_ah = design_mah[cut.pack] / 1000
    least, most = PLAUSIBLE
    absurd = (whole_ah < least * built_ah) | (whole_ah > most * built_ah)
    rows = np.stack([cut.at, cut.moved_mah / 1000, cut.change, cut.from_full, cut.to_cutoff,
                     cut.temp_c, believed_mah[cut.pack] / 1000], axis=1)  # fmt: skip
    for pack, row in zip(cut.pack[~absurd], rows[~absurd], strict=True):
        kept[pack, np.argmin(_worth(kept[pack]))] = row


def learn(kept: Floats, believed_mah: float, design_mah: float, now_s: float) -> Health:
    """Of one pack, from its swings, (KEPT, PARTS). NaN is unknown."""
    part = dict(zip(PARTS, kept[kept[:, 0] > now_s - FORGOTTEN_AFTER_S].T, strict=True))
    told = capacity(
        Swings(part["moved_ah"], part["change"], part["from_full"] == 1, part["to_cutoff"] == 1,
               part["temp_c"], part["believed_ah"])
    )  # fmt: skip
    if told.full_ah is None or told.deviation_ah is None:
        return of_gauge(believed_mah, design_mah, told.reason)
    full, deviation = 1000 * told.full_ah, 1000 * told.deviation_ah
    if not design_mah > 0:
        return Health(None, None, None, "the pack tells no design capacity", full, deviation)
    scale = 100 / design_mah
    return Health(scale * full, scale * deviation, "counted", told.reason, full, deviation)


def of_gauge(believed_mah: float, design_mah: float, reason: str | None) -> Health:
    """By what the pack says of itself."""
    if not (believed_mah > 0 and design_mah > 0):
        return Health(None, None, None, "the pack tells no capacity")
    pct = 100 * believed_mah / design_mah
    if pct > 100 * PLAUSIBLE[1]:
        return Health(None, None, None, "the pack tells more than its design capacity")
    return Health(pct, GAUGE_DEVIATION_PCT, "gauge", reason)


def is_confirmed(counted: Health, gauge: Health) -> bool:
    """Whether the gauge's history of health may stand beside what was counted."""
    if counted.pct is None or counted.deviation_pct is None or gauge.pct is None:
        return False
    tolerated = CONFIRMED_WITHIN * np.hypot(counted.deviation_pct, 1.0)
    return bool(abs(counted.pct - gauge.pct) <= tolerated)


def _worth(kept: Floats) -> Floats:
    """By its age in seconds, with the anchors counted; empty places are worth nothing."""
    anchors = np.nan_to_num(kept[:, 3]) + np.nan_to_num(kept[:, 4])
    return np.asarray(np.nan_to_num(kept[:, 0]) + AN_ANCHOR_IS_WORTH_S * anchors)

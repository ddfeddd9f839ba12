"""Many fall silent at once: one event of a ward or a hospital, not one for each device.

A cut of power or network shows in when devices were last heard: all of them shortly before it,
none of them after. So devices that have spoken since are the evidence against it, and those that
are merely not due yet count neither way: reporting intervals differ by a factor of hundreds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet.domain.presence import DEFAULT_INTERVAL_S

HOLD = timedelta(seconds=DEFAULT_INTERVAL_S)
"""So long a silence waits for others before it counts as one device's own trouble. One reporting
interval: the deadlines of devices cut off in one moment are spread over that."""
WINDOW = timedelta(minutes=5)
"""Those belong together that were last heard within so long before the last of them."""
TOLERANCE = timedelta(seconds=30)
"""Heard so long after the last word of those that fell silent, a device was not cut off."""
FEWEST = 4
FEWEST_WARDS = 3
SHARE = 3
"""One in so many. Not one in two: of two access points in a ward, one serves about half of it."""
MOST_ARE_BACK = 4
"""An outage is over when at most one in so many of those that fell is still silent."""


@dataclass(frozen=True, slots=True)
class WardSilence:
    """Of one ward: how many fell silent together, and how many have spoken since."""

    ward_id: int
    fell: int
    spoke: int

    @property
    def is_struck(self) -> bool:
        return self.fell > 0 and SHARE * self.fell >= self.fell + self.spoke


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where there is an outage: the whole site, or each of these wards by itself."""

    is_site: bool = False
    ward_ids: tuple[int, ...] = ()


def judge(wards: Sequence[WardSilence], wards_of_site: int) -> Verdict:
    """`wards`: those of one site where anybody fell silent; `wards_of_site`: all with devices."""
    struck = [ward for ward in wards if ward.is_struck]
    if len(struck) >= FEWEST_WARDS and SHARE * len(struck) >= wards_of_site:
        return Verdict(is_site=True)
    return Verdict(ward_ids=tuple(ward.ward_id for ward in struck if ward.fell >= FEWEST))


def heard_from(last_word: datetime) -> datetime:
    """Last heard after this, a silent device belongs to those whose last word that was."""
    return last_word - WINDOW


def heard_until(last_word: datetime) -> datetime:
    """Heard after this, a device has spoken since, and does not belong to them."""
    return last_word + TOLERANCE


def is_over(silent: int, fell: int) -> bool:
    """Below what would begin one, so that it does not end and begin again with every device."""
    return MOST_ARE_BACK * silent <= fell


def in_words(silent: int, devices: int) -> str:
    return f"no word from {silent} of {devices} devices: network or power?"

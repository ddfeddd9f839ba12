"""What is promised of a device now: a row of the database, as the board would show it."""

from datetime import datetime
from typing import Any, NamedTuple

from fleet.domain.battery.endurance import Lasting, Promise
from fleet.domain.board import Card, as_of
from fleet.domain.shifts import end_of_shift
from fleet.domain.words import Availability


class Runtime(NamedTuple):
    """Minutes from now on; None is unknown, or not heard of. `shift_end`: in the site's zone."""

    promised_min: int | None
    empty_min: int | None
    full_in_min: int | None
    shift_end: datetime | None
    lasting: Lasting

    @property
    def lasts_shift(self) -> bool | None:
        return self.lasting.until_end

    @property
    def dies_at(self) -> datetime | None:
        return self.lasting.dies_at


def runtime(row: Any, now: datetime) -> Runtime:
    """`row`: a device's state, with the time zone and the shifts of its ward."""
    shift_end = end_of_shift(row.shift_starts, row.timezone, now)
    said = Card(
        row.asset_tag,
        Availability(row.availability),
        promise=Promise(row.empty_min, row.runtime_min, row.promised_min),
        full_in_min=row.full_in_min,
        plugged_in=row.plugged_in,
        sampled_at=row.sampled_at,
        offline_after=row.offline_after,
    )
    card = as_of(said, now, shift_end)
    promise = card.promise
    return Runtime(
        promise.promised_min, promise.empty_min, card.full_in_min, shift_end, card.lasting
    )

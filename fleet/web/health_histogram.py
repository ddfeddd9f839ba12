"""The fleet's health as bars, in percent of the picture, so that it fits every screen."""

from typing import NamedTuple

from fleet.store.queries.battery_totals import Band, Health

GAP = 12.0
"""Of a bar's width, in percent, left free beside it."""


class Bar(NamedTuple):
    """The upper part of a bar is sound, the lower one is below its threshold."""

    x: float
    width: float
    sound_y: float
    sound_height: float
    worn_y: float
    worn_height: float
    words: str
    band: Band


class Histogram(NamedTuple):
    bars: list[Bar]
    edges: list[tuple[float, str]]
    """Where a percentage stands under the bars."""
    most: int


def histogram(health: Health) -> Histogram:
    most = max((band.packs for band in health.bands), default=0)
    step = 100.0 / len(health.bands)
    bars = [_bar(band, place * step, step, most) for place, band in enumerate(health.bands)]
    edges = [
        (round(place * step, 2), f"{band.low} %")
        for place, band in enumerate(health.bands)
        if band.low is not None and band.low % 10 == 0
    ]
    return Histogram(bars, edges, most)


def range_words(band: Band) -> str:
    if band.low is None:
        return "below 50 %"
    return "100 % and more" if band.low >= 100 else f"{band.low} to {band.low + 5} %"


def _bar(band: Band, x: float, step: float, most: int) -> Bar:
    scale = 100.0 / max(most, 1)
    worn, sound = band.worn * scale, (band.packs - band.worn) * scale
    return Bar(
        x=round(x + step * GAP / 200, 2),
        width=round(step * (1 - GAP / 100), 2),
        sound_y=round(100 - worn - sound, 2),
        sound_height=round(sound, 2),
        worn_y=round(100 - worn, 2),
        worn_height=round(worn, 2),
        words=range_words(band),
        band=band,
    )

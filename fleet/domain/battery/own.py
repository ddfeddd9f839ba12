"""What a hospital's own packs teach: those whose end was seen, against what was forecast for them.

Each is forecast once more from the first part of its life, which its bins still show.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.forecast import Forecaster
from fleet.domain.battery.outlook import toward_own
from fleet.domain.battery.wear import Wear

Floats = NDArray[np.float64]
Lessons = dict[str, list[float]]
"""By model: the logarithm of true over forecast remaining cycles of each pack that has ended."""

SEEN_OF_LIFE = 0.7
WILDEST = 2.0
"""A logarithm beyond this says that the pack was not what it seemed."""
TAKE_OVER = 8
"""So many packs are worth as much as the coefficients that were shipped."""
EIGHTY = 1.2816
"""Standard deviations on either side that hold 80 % of a normal distribution."""


def ends_seen(wear: Wear, threshold: Floats) -> Floats:
    """(packs,): cycles at which health fell below the threshold for good; NaN where it has not."""
    filled = wear.readings > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        health = np.where(filled, wear.health / wear.readings, np.nan)
        when = np.where(filled, wear.throughput / wear.readings, np.nan)
    above = filled & (health >= threshold[:, None])
    last_above = np.where(above.any(1), above.shape[1] - 1 - np.argmax(above[:, ::-1], axis=1), -1)
    later = filled & (np.arange(filled.shape[1]) > last_above[:, None])
    first = np.argmax(later, axis=1)
    ends = np.take_along_axis(when, first[:, None], 1)[:, 0]
    return np.where(above.any(1) & later.any(1), ends, np.nan)


def cut_short(wear: Wear, age: Floats) -> Wear:
    """The packs as they were at that age, to the width of a bin."""
    with np.errstate(invalid="ignore", divide="ignore"):
        young = wear.throughput / wear.readings <= age[:, None]
    readings, throughput, health = (
        np.where(young, part, 0.0) for part in (wear.readings, wear.throughput, wear.health)
    )
    return Wear(wear.width, readings, throughput, health, wear.recent, wear.noise, age)


def lessons(
    forecaster: Forecaster, wear: Wear, models: Sequence[str], threshold: Floats, nominal_ah: Floats
) -> Lessons:
    """From all packs, of which some have ended."""
    end = ends_seen(wear, threshold)
    ended = np.flatnonzero(np.isfinite(end)).tolist()
    if not ended:
        return {}
    age = SEEN_OF_LIFE * end[ended]
    whose = np.isfinite(end)
    names = [models[n] for n in ended]
    told = forecaster(cut_short(wear[whose], age), names, threshold[whose], nominal_ah[whose])
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.log((end[ended] - age) / (told.end_of_life - age))
    found: Lessons = {}
    for name, value in zip(names, off.tolist(), strict=True):
        if name and abs(value) <= WILDEST:
            found.setdefault(name, []).append(value)
    return found


def corrected(ends: Floats, age: Floats, models: Sequence[str], own: Lessons) -> Floats:
    """(3, packs): low, middle and high ends of life, as the hospital's own packs have shown them.

    The middle moves by their mean error. The interval goes from the shipped one to the spread of
    their errors, widened for that they are few (the prediction interval of a normal sample).
    """
    left = np.maximum(ends - age, 0.0)
    for name, logs in own.items():
        whose = np.array([model == name for model in models])
        if whose.any():
            left[:, whose] = _moved(left[:, whose], np.array(logs))
    return np.asarray(age + left)


def _moved(left: Floats, logs: Floats) -> Floats:
    """(3, packs) remaining cycles of packs of one model; where nothing is left, nothing moves."""
    count = len(logs)
    with np.errstate(divide="ignore", invalid="ignore"):
        aside = np.log(left / left[1])
    if count > 1:
        half = EIGHTY * float(np.std(logs, ddof=1)) * np.sqrt(1 + 1 / count)
        weight = count / (count + TAKE_OVER)
        aside = (1 - weight) * aside + weight * np.array([[-half], [0.0], [half]])
    moved = toward_own(left[1], float(np.mean(logs)), count, TAKE_OVER) * np.exp(aside)
    return np.where(np.isnan(moved), left, moved)


def is_known_here(model: str, own: Lessons) -> bool:
    """Whether enough packs of a model have ended here, whatever the coefficients know of it."""
    return len(own.get(model, ())) >= TAKE_OVER

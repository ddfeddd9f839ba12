"""What a forecast looks at in a pack's history; vectorised over packs.

Lengths of time are shares of the pack's age in cycles, so that a pack that lasts 200 cycles and
one that lasts 2,000 look alike when they wear alike. What is not free of scale is in ABSOLUTE.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.wear import Wear

Floats = NDArray[np.float64]

WINDOWS = (0.03, 0.06, 0.12, 0.25, 0.5, 1.5)
"""Memories of the exponentially weighted line fits, shares of the age."""
MOMENTS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
"""Ages, as shares of the present one, at which the smoothed health is looked at."""
BANDWIDTH = 0.05
NOISY = 0.003
"""Uncertainty of the present health from which on a gauge counts as noisy."""
LEAST_GAP = 0.004
LEAST_SLOPE = 1e-3
"""Loss of health over a lifetime below which a line says nothing about its end."""
RIDGE = 1e-6
ABSOLUTE = ("log_age", "log_loss_per_cycle", "nominal_ah", "threshold", "now", "first", "top")


def features(wear: Wear, threshold: Floats, nominal_ah: Floats) -> dict[str, Floats]:
    """Each by its name, (packs,); NaN for a pack of which nothing is known."""
    age = np.maximum(wear.age, 1e-6)
    with np.errstate(invalid="ignore", divide="ignore"):
        when = np.where(wear.readings > 0, wear.throughput / wear.readings, 0.0) / age[:, None]
        health = np.where(wear.readings > 0, wear.health / wear.readings, 0.0)
        lines = {
            window: _line(wear.readings * np.exp(-np.abs(1 - when) / window), when, health, 1.0)
            for window in WINDOWS
        }
        noisiness = _noisiness(wear)
        now = (1 - noisiness) * lines[0.06][0] + noisiness / 2 * (lines[0.12][0] + lines[0.25][0])
        path = _path(wear.readings, when, health, BANDWIDTH * (1 + 2 * noisiness))
        slopes = {window: slope for window, (_, slope) in lines.items()}
        named = {
            "now": now,
            "gap": now - threshold,
            "threshold": threshold,
            "nominal_ah": nominal_ah,
            "noise": wear.noise,
            "log_age": np.log(age),
            "log_loss_per_cycle": np.log(np.maximum(-slopes[0.12], LEAST_SLOPE) / age),
            "first": path[:, 0],
            "top": path.max(1),
            "loss": path.max(1) - now,
            "knee": _ratio(slopes[0.12], slopes[1.5]),
            "late_knee": _ratio(slopes[0.06], slopes[0.5]),
        }
        return named | _lines(lines, named["gap"]) | _shape(path, now, named["gap"])


def matrix(named: Mapping[str, Floats], names: tuple[str, ...]) -> Floats:
    """(packs, names)."""
    return np.stack([named[name] for name in names], axis=1)


def _line(weight: Floats, when: Floats, health: Floats, at: float) -> tuple[Floats, Floats]:
    """Weighted least squares over the bins: (health on the line at a moment, slope per age)."""
    total = weight.sum(1)
    mean_when = (weight * when).sum(1) / total
    mean_health = (weight * health).sum(1) / total
    off = when - mean_when[:, None]
    pull = weight * off
    slope = (pull * health).sum(1) / ((pull * off).sum(1) + RIDGE * total)
    return mean_health + slope * (at - mean_when), slope


def _noisiness(wear: Wear) -> Floats:
    """0 where the present health is known well, 1 where single readings say little."""
    counted = np.maximum(0.06 * wear.readings.sum(1), 1)
    noisiness: Floats = np.clip(wear.noise / np.sqrt(counted) / NOISY, 0.0, 1.0)
    return noisiness


def _path(readings: Floats, when: Floats, health: Floats, bandwidth: Floats) -> Floats:
    """Local linear smoothing (Cleveland 1979): the health at MOMENTS, (packs, moments)."""
    path = []
    for moment in MOMENTS:
        weight = readings * (np.exp(-(((when - moment) / bandwidth[:, None]) ** 2)) + 1e-12)
        path.append(_line(weight, when, health, moment)[0])
    return np.stack(path, axis=1)


def _lines(lines: Mapping[float, tuple[Floats, Floats]], gap: Floats) -> dict[str, Floats]:
    found = {}
    for window, (level, slope) in lines.items():
        found[f"slope_{window}"] = slope
        found[f"level_{window}"] = level - lines[0.06][0]
        remaining = np.maximum(gap, LEAST_GAP) / np.maximum(-slope, LEAST_SLOPE)
        found[f"line_ends_{window}"] = np.log(np.clip(remaining, 1e-3, 30))
    return found


def _shape(path: Floats, now: Floats, gap: Floats) -> dict[str, Floats]:
    """How far above now it was at each moment; for how long it has been this close to now."""
    found = {}
    least = np.maximum(gap, LEAST_GAP)
    for column, moment in enumerate(MOMENTS[:-1]):
        above = path[:, column] - now
        found[f"above_{moment}"] = above
        found[f"above_by_gap_{moment}"] = np.clip(above / least, -20, 60)
    moments = np.linspace(0, 1, 101)
    right = np.clip(np.searchsorted(MOMENTS, moments), 1, len(MOMENTS) - 1)
    start, end = np.take(MOMENTS, right - 1), np.take(MOMENTS, right)
    share = (moments - start) / (end - start)
    fine = path[:, right - 1] * (1 - share) + path[:, right] * share
    for gaps in (0.25, 0.5, 1.0, 2.0, 4.0):
        found[f"since_{gaps}_gaps"] = _share_below(fine, now + gaps * least)
    for step in (0.01, 0.02, 0.04, 0.08):
        found[f"since_{step}"] = _share_below(fine, now + step)
    return found


def _share_below(fine: Floats, level: Floats) -> Floats:
    """Share of the age spent below a health, softly counted."""
    steps = np.clip((level[:, None] - fine) / 0.002, -30, 30)
    share: Floats = (1 / (1 + np.exp(-steps))).mean(1)
    return share


def _ratio(recent: Floats, overall: Floats) -> Floats:
    ratio: Floats = np.clip(recent / np.minimum(overall, -LEAST_SLOPE), -5, 30)
    return ratio

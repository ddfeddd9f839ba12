"""Arrays of many packs as the binary columns of their rows, and back.

A value of another length was written by another version: it counts as nothing known.
"""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.endurance import HOURS
from fleet.domain.battery.learning import KEPT, PARTS, no_swings
from fleet.domain.battery.swings import Run
from fleet.domain.battery.wear import Wear

Floats = NDArray[np.float64]
Blobs = Sequence[bytes | None]

REST_BINS = 10
_WEAR, _EXACT = "<f4", "<f8"


def wear_of(blobs: Blobs) -> Wear:
    wear = Wear.of_new_packs(len(blobs))
    if not blobs:
        return wear
    parts = [getattr(wear, part.name) for part in fields(wear)]
    told = _rows(blobs, np.hstack([part.reshape(len(blobs), -1) for part in parts]), _WEAR)
    ends = np.cumsum([part[:1].size for part in parts])[:-1]
    shaped = zip(np.split(told, ends, axis=1), parts, strict=True)
    return Wear(*(new.reshape(old.shape) for new, old in shaped))


def wear_blobs(wear: Wear) -> list[bytes]:
    if not len(wear):
        return []
    parts = [getattr(wear, part.name).reshape(len(wear), -1) for part in fields(wear)]
    return _blobs(np.hstack(parts), _WEAR)


def run_of(blobs: Blobs) -> Run:
    nothing = np.full((len(blobs), len(fields(Run))), np.nan)
    return Run(*(column.copy() for column in _rows(blobs, nothing, _EXACT).T))


def run_blobs(run: Run) -> list[bytes]:
    return _blobs(np.stack([getattr(run, part.name) for part in fields(run)], axis=1), _EXACT)


def swings_of(blobs: Blobs) -> Floats:
    """(packs, KEPT, PARTS)."""
    flat = no_swings(len(blobs)).reshape(len(blobs), KEPT * len(PARTS))
    return _rows(blobs, flat, _EXACT).reshape(len(blobs), KEPT, len(PARTS))


def swing_blobs(swings: Floats) -> list[bytes]:
    return _blobs(swings.reshape(len(swings), KEPT * len(PARTS)), _EXACT)


def rest_of(blobs: Blobs) -> Floats:
    """(packs, REST_BINS), mV."""
    return _rows(blobs, np.full((len(blobs), REST_BINS), np.nan), _EXACT)


def rest_blobs(rest_mv: Floats) -> list[bytes]:
    return _blobs(rest_mv, _EXACT)


def profiles_of(blobs: Blobs) -> Floats:
    """(devices, HOURS), mA."""
    return _rows(blobs, np.full((len(blobs), HOURS), np.nan), _WEAR)


def profile_blobs(profiles: Floats) -> list[bytes]:
    return _blobs(profiles, _WEAR)


def _rows(blobs: Blobs, nothing: Floats, kind: str) -> Floats:
    """`nothing`, with the rows in place whose blob is as long as it should be."""
    size = nothing.shape[1] * np.dtype(kind).itemsize
    whole = [at for at, blob in enumerate(blobs) if blob is not None and len(blob) == size]
    if whole:
        joined = b"".join(bytes(blobs[at] or b"") for at in whole)
        nothing[whole] = np.frombuffer(joined, dtype=kind).reshape(len(whole), -1)
    return nothing


def _blobs(rows: Floats, kind: str) -> list[bytes]:
    return [row.tobytes() for row in rows.astype(kind)]

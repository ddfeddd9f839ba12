"""Readings of many packs, one after the other, as one matrix: a row for each pack."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

MOST_READINGS = 720
"""Of a pack in an hour, one each 5 s. Of more some are left out, evenly: a device that floods us
shall not fill the memory."""


class Rows(NamedTuple):
    """Where each reading stands: `row[i]`, `column[i]`; `kept` are those that stand anywhere."""

    kept: Places
    row: Places
    column: Places
    shape: tuple[int, int]

    def spread(self, values: NDArray[Any], nothing: float | bool = np.nan) -> NDArray[Any]:
        """(packs, readings), `nothing` behind the end of each row."""
        matrix = np.full(self.shape, nothing)
        matrix[self.row, self.column] = values[self.kept]
        return matrix


def rows_of(whose: Places, packs: int) -> Rows:
    """`whose`: the pack of each reading, below 0 for none; each pack's in the order of time."""
    order = np.argsort(whose, kind="stable")
    order = order[whose[order] >= 0]
    count = np.bincount(whose[order], minlength=packs)
    nth = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    every = np.repeat(np.maximum(-(-count // MOST_READINGS), 1), count)
    some = nth % every == 0
    column = nth[some] // every[some]
    longest = int(column.max()) + 1 if some.any() else 0
    return Rows(order[some], whose[order[some]], column, (packs, longest))


def filled(values: Floats) -> Floats:
    """(rows, columns): NaN replaced by the last value to the left of it, where there is one."""
    place = np.where(np.isfinite(values), np.arange(values.shape[1]), 0)
    np.maximum.accumulate(place, axis=1, out=place)
    return np.asarray(np.take_along_axis(values, place, 1))


def median(values: Floats) -> Floats:
    """(rows,): of what is not NaN; NaN where nothing is."""
    told = np.isfinite(values)
    ranked = np.sort(values, axis=1)
    middle = np.maximum((told.sum(1) - 1) // 2, 0)
    return np.asarray(np.take_along_axis(ranked, middle[:, None], 1)[:, 0])


def last(values: Floats, before: Floats) -> Floats:
    """(rows,): the last that is not NaN, else what was `before`."""
    return filled(np.hstack([before[:, None], values]))[:, -1]

"""In what order tests run, where several workers share them.

pytest-xdist gives each worker one piece of the list. Tests of whole processes wait more than they
work: in the usual order one worker would have all of them, and the others nothing to overlap with.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

T = TypeVar("T")
Module = list[T]

WAITING = ("tests/broker/", "tests/browser/", "tests/faults/", "tests/security/")


def spread(items: Sequence[tuple[str, T]], workers: int) -> list[T]:
    """(path, test) each, in the order found. Modules stay whole; every worker's piece has its share
    of those that wait, and runs of quick ones between them."""
    modules = [list(group) for _, group in groupby(items, key=lambda item: item[0])]
    slow = [module for module in modules if module[0][0].startswith(WAITING)]
    quick = [module for module in modules if not module[0][0].startswith(WAITING)]
    slow_pieces: list[list[Module[tuple[str, T]]]] = [slow[n::workers] for n in range(workers)]
    size = -(-len(items) // workers)
    pieces: list[list[tuple[str, T]]] = []
    left = list(reversed(quick))
    for number, mine in enumerate(slow_pieces):
        fill: list[Module[tuple[str, T]]] = []
        wanted = size - sum(map(len, mine))
        is_last = number == workers - 1
        while left and (is_last or sum(map(len, fill)) < wanted):
            fill.append(left.pop())
        pieces.append(_alternating(mine, fill))
    return [test for piece in pieces for _, test in piece]


def _alternating(
    slow: Sequence[Module[tuple[str, T]]], quick: Sequence[Module[tuple[str, T]]]
) -> list[tuple[str, T]]:
    """Both kinds in proportion: each module stands where its share of its own kind ends."""
    placed = [(n / max(len(slow), 1), 0, module) for n, module in enumerate(slow)]
    placed += [(n / max(len(quick), 1), 1, module) for n, module in enumerate(quick)]
    ordered = sorted(placed, key=lambda each: each[:2])
    return [item for _, _, module in ordered for item in module]

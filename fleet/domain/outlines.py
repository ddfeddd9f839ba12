"""Zones on a floor plan: corners in percent of its width and height, from the top left."""

import re
from collections.abc import Sequence

Outline = list[list[float]]
MOST_CORNERS = 40
_CORNER = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?),([0-9]{1,3}(?:\.[0-9]{1,2})?)")
WORDS = (
    "corners like 10,20 45,60, each across and down in percent: two are a rectangle, three and"
    " more a polygon"
)


def read_outline(text: str) -> Outline | None:
    """Two corners become the four of their rectangle; no text, no outline. Raises ValueError."""
    parts = text.split()
    if not parts:
        return None
    found = [_CORNER.fullmatch(part) for part in parts]
    corners = [[float(match[1]), float(match[2])] for match in found if match]
    if len(corners) != len(parts) or max(map(max, corners)) > 100:
        raise ValueError(WORDS)
    if len(corners) == 2:
        (left, top), (right, bottom) = corners
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    if not 3 <= len(corners) <= MOST_CORNERS or _area(corners) == 0:
        raise ValueError(WORDS)
    return corners


def written(outline: Sequence[Sequence[float]] | None) -> str:
    """As people write it: a rectangle by two of its corners."""
    corners = [tuple(corner) for corner in outline or ()]
    if len(corners) == 4:
        (left, top), _, (right, bottom), _ = corners
        if corners == [(left, top), (right, top), (right, bottom), (left, bottom)]:
            corners = [corners[0], corners[2]]
    return " ".join(f"{across:g},{down:g}" for across, down in corners)


def middle(outline: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Of the box around it: where its mark stands."""
    across, down = zip(*outline, strict=True)
    return (min(across) + max(across)) / 2, (min(down) + max(down)) / 2


def _area(corners: Outline) -> float:
    following = [*corners[1:], corners[0]]
    return sum(x * v - u * y for (x, y), (u, v) in zip(corners, following, strict=True)) / 2

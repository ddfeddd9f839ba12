"""Profile documents, path by path: what one says, and what differs between two."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_ABSENT = object()


class Difference(NamedTuple):
    """`change`: added, removed or changed; what is not there is None."""

    path: str
    change: str
    old: Any
    new: Any


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    before, after = dict(leaves(old)), dict(leaves(new))
    pairs = (
        (path, before.get(path, _ABSENT), after.get(path, _ABSENT))
        for path in sorted(before.keys() | after.keys())
    )
    return [_difference(*pair) for pair in pairs if not _same(*pair[1:])]


def _same(old: Any, new: Any) -> bool:
    """In Python 1 is True; in a profile it is not."""
    return bool(old == new) and type(old) is type(new)


def _difference(path: str, old: Any, new: Any) -> Difference:
    if old is _ABSENT:
        return Difference(path, "added", None, new)
    if new is _ABSENT:
        return Difference(path, "removed", old, None)
    return Difference(path, "changed", old, new)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Named things in a list (`apps`) go by their name: their place means nothing."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
        for part in value:
            rest = {key: below for key, below in part.items() if key != "name"}
            yield from leaves(rest, f"{path}.{part.get('name')}")
    else:
        yield path, value

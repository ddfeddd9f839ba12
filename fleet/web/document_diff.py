"""What differs between two documents, path by path, as a person would list it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fleet.web.words import value


class Difference(NamedTuple):
    """`old` or `new` is None where the path is not there at all."""

    path: str
    old: str | None
    new: str | None

    @property
    def word(self) -> str:
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    before, after = dict(flat(old)), dict(flat(new))
    paths = sorted(before.keys() | after.keys())
    return [
        Difference(path, before.get(path), after.get(path))
        for path in paths
        if before.get(path) != after.get(path)
    ]


def flat(document: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf with its path. Named things in a list (`apps`) are known by name, not by place."""
    if isinstance(document, Mapping):
        for key, part in document.items():
            yield from flat(part, f"{path}.{key}" if path else str(key))
    elif isinstance(document, list):
        for place, part in enumerate(document):
            name = part.get("name", place) if isinstance(part, Mapping) else place
            rest = _without_name(part) if isinstance(part, Mapping) else part
            yield from flat(rest, f"{path}.{name}")
    else:
        yield path, value(document)


def _without_name(part: Mapping[str, Any]) -> Any:
    rest = {key: item for key, item in part.items() if key != "name"}
    return rest["version"] if rest.keys() == {"version"} else rest

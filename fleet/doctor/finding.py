"""What one check found."""

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """Also the exit status of `fleet doctor`: the worst of all findings."""

    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """`do`: what to do about it; None where nothing needs doing."""

    name: str
    level: Level
    found: str
    do: str | None = None


def ok(name: str, found: str) -> Finding:
    return Finding(name, Level.OK, found)


def warn(name: str, found: str, do: str) -> Finding:
    return Finding(name, Level.WARN, found, do)


def fail(name: str, found: str, do: str) -> Finding:
    return Finding(name, Level.FAIL, found, do)


def megabytes(size_bytes: float) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"

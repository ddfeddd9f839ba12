"""Versions as devices and applications report them: dotted numbers, compared number by number."""

import re

_NUMBER = re.compile(r"\d+")


def parts(version: str) -> tuple[int, ...]:
    """The numbers in a version without trailing zeros ("7.2.0" is "7.2"); no suffix counts."""
    core = re.split(r"[-+ ~]", version.strip().lstrip("vV"), maxsplit=1)[0]
    numbers = [int(n) for n in _NUMBER.findall(core)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def is_at_least(version: str, minimum: str) -> bool:
    return parts(version) >= parts(minimum)

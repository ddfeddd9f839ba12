"""Profile files: YAML read into documents, every error with its file, line and key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from marshmallow import ValidationError

from fleet.services.errors import ServiceError
from fleet.services.profile_document import ProfileSchema

Path_ = tuple[str | int, ...]


class ProfileFileError(ServiceError):
    """`problems`: one line each, `file:line: key: what is wrong`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_profiles(paths: list[Path]) -> list[dict[str, Any]]:
    """The documents of these files (a directory: every *.yaml in it), in order.

    Raises ProfileFileError with every problem of every file.
    """
    documents, problems = [], []
    for path in _files(paths):
        try:
            documents.append(_read(path))
        except ProfileFileError as error:
            problems += error.problems
    if problems:
        raise ProfileFileError(problems)
    return documents


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ProfileFileError([f"{path}: no such file"])
        found += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        node = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
        raw = yaml.safe_load(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise ProfileFileError([f"{path}:1: not UTF-8"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise ProfileFileError([f"{path}:{line}: {problem}"]) from error
    problems = [f"{path}:{line}: {key}: stands twice" for line, key in _doubles(node)]
    if not isinstance(raw, dict):
        raise ProfileFileError([f"{path}:1: must be a mapping that begins with `profile:`"])
    try:
        document: dict[str, Any] = ProfileSchema().load(raw)
    except ValidationError as error:
        problems += [
            f"{path}:{_line(node, where)}: {_dotted(where)}: {_sentence(message)}"
            for where, message in _flat(error.messages_dict)
        ]
    if problems:
        raise ProfileFileError(problems)
    return document


def _flat(messages: Any, where: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    """marshmallow's nested messages as (path, message). It puts `key`/`value` between, in Dicts."""
    if isinstance(messages, list):
        for message in messages:
            yield where, str(message)
        return
    for key, below in messages.items():
        step = (
            () if key in ("key", "value", "_schema") and isinstance(below, dict | list) else (key,)
        )
        yield from _flat(below, where + step)


def _line(node: yaml.Node | None, where: Path_) -> int:
    """The line of the deepest part of the path that is there (a missing key: its parent's)."""
    line = node.start_mark.line + 1 if node else 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            hit = next(((k, v) for k, v in node.value if k.value == str(step)), None)
            if hit is None:
                break
            line, node = hit[0].start_mark.line + 1, hit[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _doubles(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in a mapping: YAML forbids it, and its reader says nothing."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _doubles(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, key.value
            seen.add(key.value)
            yield from _doubles(value)


def _dotted(where: Path_) -> str:
    return ".".join(str(step) for step in where) or "(file)"


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")

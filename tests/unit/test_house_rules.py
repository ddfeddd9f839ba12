"""The rules of the house that an import contract cannot say, read off the syntax tree.

Every rule is a function from one file's tree to its offences, so that each is tried twice:
on the house, where it finds nothing, and on a counterexample, where it must find something.
"""

import ast
from collections.abc import Callable, Iterator

import pytest

from tests.support.processes import ROOT

Rule = Callable[[ast.Module], Iterator[str]]

LONGEST_FILE = 300
LONGEST_FUNCTION = 60

SPEAKS_MQTT = ("fleet/ingest/consumer.py", "fleet/dispatch/publisher.py", "fleet/device/link.py")
COMMITS = (
    "fleet/services/",
    "fleet/ingest/pipeline.py",
    "fleet/dispatch/",
    "fleet/store/database.py",  # where transaction() is
)
DEVICE_SIDE = ("fleet/device/", "fleet/simulator/")


def asks_the_clock(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="now" | "utcnow" | "today" as name)):
                yield f"line {node.lineno}: .{name}()"
            case ast.Import() | ast.ImportFrom() if "time" in _imports(node):
                yield f"line {node.lineno}: imports time"


def imports_paho(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and "paho" in _imports(node):
            yield f"line {node.lineno}: imports paho"


def commits(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="commit" | "begin" | "begin_nested" as name)):
                yield f"line {node.lineno}: .{name}()"
            case ast.Call(func=ast.Name(id="transaction")):
                yield f"line {node.lineno}: transaction()"


def hooks_into_the_orm(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="listens_for" | "listen" as name), args=[_, *_]):
                event = node.args[1] if len(node.args) > 1 else None
                if not (isinstance(event, ast.Constant) and event.value in CONNECTION_EVENTS):
                    yield f"line {node.lineno}: event.{name}()"


# Of the engine: they set up what a connection needs, and know no rows.
CONNECTION_EVENTS = ("connect", "begin", "after_cursor_execute")


def is_too_long(tree: ast.Module) -> Iterator[str]:
    last = max(
        (node.end_lineno or 0 for node in ast.walk(tree) if isinstance(node, ast.stmt)), default=0
    )
    if last > LONGEST_FILE:
        yield f"{last} lines in the file"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"line {node.lineno}: {node.name} has {length} lines"


def _imports(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The top-level names of the packages that this statement imports."""
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    return {alias.name.partition(".")[0] for alias in node.names}


def offences(rule: Rule, *, within: str = "fleet/", except_in: tuple[str, ...] = ()) -> list[str]:
    found = []
    for path in sorted((ROOT / within).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(except_in or ("none",)):
            found += [f"{name}: {offence}" for offence in rule(ast.parse(path.read_text()))]
    return found


def test_the_domain_never_asks_the_clock() -> None:
    assert offences(asks_the_clock, within="fleet/domain/") == []


def test_mqtt_is_spoken_in_three_files() -> None:
    assert offences(imports_paho, except_in=SPEAKS_MQTT) == []


def test_only_use_cases_commit() -> None:
    assert offences(commits, except_in=COMMITS + DEVICE_SIDE) == []


def test_nothing_hangs_on_events_of_the_orm() -> None:
    assert offences(hooks_into_the_orm) == []


def test_files_and_functions_stay_readable() -> None:
    assert offences(is_too_long) == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (asks_the_clock, "from datetime import datetime\nage = datetime.now() - then"),
        (asks_the_clock, "datetime.datetime.utcnow()"),
        (asks_the_clock, "date.today()"),
        (asks_the_clock, "import time\ntime.time()"),
        (asks_the_clock, "def late():\n    from time import monotonic"),
        (imports_paho, "import paho.mqtt.client as mqtt"),
        (imports_paho, "def hidden():\n    from paho.mqtt.client import Client"),
        (commits, "db.session.commit()"),
        (commits, "with session.begin():\n    pass"),
        (commits, "with transaction() as session:\n    pass"),
        (hooks_into_the_orm, "@event.listens_for(Device, 'after_update')\ndef react(): ..."),
        (is_too_long, "\n" * LONGEST_FILE + "x = 1"),
        (is_too_long, "def long():\n" + "    x = 1\n" * LONGEST_FUNCTION),
    ],
)
def test_each_rule_finds_its_counterexample(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source)))


def test_the_rules_read_every_file() -> None:
    everything = offences(lambda tree: iter(["seen"]))
    assert len(everything) == len(list((ROOT / "fleet").rglob("*.py"))) > 0


@pytest.mark.parametrize("name", [*SPEAKS_MQTT, *COMMITS, *DEVICE_SIDE])
def test_every_exception_names_something_that_is_there(name: str) -> None:
    assert (ROOT / name).exists()

"""What every application makes for itself and all make alike: here made once per worker.

Hundreds of tests each have an application and a database of their own, and most of their time went
into making these. What is shared is what follows from the code alone, never anything of a test's.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule


class _Statements(LRUCache[Any, Any]):
    """Compiled SQL, by kind of database: its key names the dialect, of which each engine has one.

    A program that runs for long has this cache filled, as a test now has.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_by_kind(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(_by_kind(key), compiled)


def _by_kind(key: Any) -> Any:
    dialect, *statement = key
    return dialect.name, *statement


_statements = _Statements(3_000)


def share_what_the_code_alone_decides() -> None:
    """For every application that is made from now on in this process."""
    from fleet.store import database

    prepare = database.prepare_engine

    def prepare_engine(engine: Engine) -> None:
        prepare(engine)
        engine._compiled_cache = _statements

    database.prepare_engine = prepare_engine
    Rule._compile_builder = _once(Rule._compile_builder)  # type: ignore[method-assign]


def _once(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """What Werkzeug compiles for a rule: for equal rules the same function."""
    made: dict[Any, Any] = {}

    @wraps(compile_builder)
    def found(rule: Rule, append_unknown: bool = True) -> Any:
        key = rule.rule, repr(rule._trace), repr(rule.defaults), append_unknown
        if key not in made:
            made[key] = compile_builder(rule, append_unknown)
        return made[key]

    return found

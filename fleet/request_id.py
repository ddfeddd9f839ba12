"""The name of the request at work: on its log lines, in its answer, and for whoever records why
something was done."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

current: ContextVar[str | None] = ContextVar("request_id", default=None)
"""None where nobody asked: in ingest and schedule."""

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def given_or_new(given: str | None) -> str:
    """The id that a proxy or a program gave its request, if it is one; else a new one."""
    return given if given and _WELL_FORMED.fullmatch(given) else uuid4().hex


@contextmanager
def known_as(name: str) -> Iterator[None]:
    """What is done by itself goes by this name, where no request is at work."""
    token = current.set(current.get() or name)
    try:
        yield
    finally:
        current.reset(token)

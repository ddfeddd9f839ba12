"""How requests are read: nothing unknown, nothing twice, and only JSON that everybody can keep."""

import json
import math
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import marshmallow as ma
from flask import Request, abort
from webargs.core import missing
from webargs.flaskparser import FlaskParser, is_json_request

MAX_WHOLE = 2**53 - 1
"""Larger numbers are not the same number in every JSON reader (RFC 7493)."""


class Parser(FlaskParser):
    """Unknown fields are errors in the query too: a misspelt filter must not find everything."""

    DEFAULT_UNKNOWN_BY_LOCATION: ClassVar[dict[str, str | None]] = {  # type: ignore[misc]
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": ma.RAISE,
        "query": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        if not is_json_request(req):
            abort(415, "Send `Content-Type: application/json`.")
        body = req.get_data(cache=True)
        return strict_json(body) if body else missing


def strict_json(body: bytes) -> Any:
    """JSON as RFC 7493 has it; 400 for what some reader or database cannot take as it is."""
    try:
        value = json.loads(
            body.decode(),
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_object,
        )
        for text in _texts(value):
            text.encode()  # half a surrogate pair is no character
            if "\0" in text:
                _refuse("a text holds the character 0")
        return value
    except RecursionError:
        _refuse("too deeply nested")
    except ValueError as error:  # not UTF-8, not JSON
        _refuse(getattr(error, "msg", "not Unicode"))


def _refuse(what: str) -> NoReturn:
    abort(400, f"The body is not JSON as RFC 7493 asks for: {what}.")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(f"{text[:20]} is too large")


def _whole(text: str) -> int:
    number = int(text) if len(text) <= 17 else MAX_WHOLE + 1
    return number if abs(number) <= MAX_WHOLE else _refuse(f"{text[:20]} is too large")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse("a key stands twice")
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _texts(part)

"""Paging by cursor: where a page ended, in a form that clients hand back unread."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response, request, url_for
from marshmallow import Schema, ValidationError, fields

Key = tuple[Any, ...]
MAX_LENGTH = 512


def encode(key: Sequence[Any]) -> str:
    plain = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    text = json.dumps(plain, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, types: Sequence[type]) -> Key:
    """Raises ValueError unless it holds parts of just these types."""
    if len(cursor) > MAX_LENGTH:
        raise ValueError("too long")
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        plain = json.loads(text)
    except (binascii.Error, RecursionError) as error:
        raise ValueError("not base64 of JSON") from error
    if not isinstance(plain, list) or len(plain) != len(types):
        raise ValueError("not a key")
    return tuple(_part(part, kind) for part, kind in zip(plain, types, strict=True))


def _part(part: Any, kind: type) -> Any:
    if kind is datetime and type(part) is str:
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is not UTC or moment.year < 1970:
            raise ValueError("not a moment in UTC")
        return moment
    is_sound = type(part) is kind
    if is_sound and kind is int:
        is_sound = 0 <= part < 2**63
    if is_sound and kind is str:
        is_sound = part.isprintable()
    if not is_sound:
        raise ValueError(f"not a {kind.__name__}")
    return part


class Cursor(fields.String):
    """A field of the query that holds a cursor over keys of these types."""

    def __init__(self, *types: type, **kwargs: Any) -> None:
        metadata = {"description": "As given in `next`; without it the first page."}
        super().__init__(metadata=metadata, **kwargs)
        self.types = types

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return decode(super()._deserialize(value, *args, **kwargs), self.types)
        except ValueError as error:
            raise ValidationError("not a cursor of this list; begin again without one") from error


def key(last: int | str | None) -> Key | None:
    """The key of a list that is ordered by one column; None where the list has ended."""
    return None if last is None else (last,)


def paged(schema: type[Schema], items: Sequence[Any], after: Sequence[Any] | None) -> Response:
    """The answer of a list: this page, and the address of the next one (RFC 8288 too)."""
    following = None
    if after is not None:
        assert request.endpoint is not None
        arguments = {**request.args.to_dict(), "cursor": encode(after)}
        values: dict[str, Any] = {**(request.view_args or {}), **arguments}
        following = url_for(request.endpoint, **values)
    response = Response(
        json.dumps({"items": schema(many=True).dump(items), "next": following}),
        mimetype="application/json",
    )
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response

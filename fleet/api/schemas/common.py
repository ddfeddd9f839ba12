"""Fields that many schemas have, and how lists are asked for."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from fleet.domain.words import DeviceKind
from fleet.services.profile_document import WholeText

SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
DEVICE_ID = r"^[a-z0-9][a-z0-9-]{2,62}$"
BIGGEST_NUMBER = 2**31 - 1
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


class Text(fields.String):
    """A short text of printable characters."""

    def __init__(self, longest: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, longest), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text: str = super()._deserialize(value, *args, **kwargs)
        if not text.isprintable():
            raise ValidationError("must be printable characters")
        return text


class Moment(fields.AwareDateTime):
    """RFC 3339, always in UTC on the way out; on the way in with an offset."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", validate=validate.Range(_FIRST, _LAST), **kwargs)

    def _serialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        if value is None:
            return None
        text: str = value.astimezone(UTC).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")


class Slug(fields.String):
    def __init__(self, **kwargs: Any) -> None:
        wanted = WholeText(SLUG, error="1 to 63 of a-z, 0-9 and -")
        super().__init__(validate=wanted, **kwargs)


class DeviceId(fields.String):
    def __init__(self, **kwargs: Any) -> None:
        wanted = "3 to 63 of a-z, 0-9 and -, not beginning with -"
        super().__init__(validate=WholeText(DEVICE_ID, error=wanted), **kwargs)


class Word(fields.String):
    """One of the words of the product."""

    def __init__(self, words: type[StrEnum], **kwargs: Any) -> None:
        wanted = [str(word) for word in words]
        error = f"one of {', '.join(wanted)}"
        super().__init__(validate=validate.OneOf(wanted, error=error), **kwargs)


class Number(fields.Integer):
    """From 1 on: of a profile's version."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(1, BIGGEST_NUMBER), **kwargs)


class Limit(fields.Integer):
    """How many items a page holds."""

    def __init__(self, default: int, most: int) -> None:
        super().__init__(load_default=default, validate=validate.Range(1, most))


class KindAsked(Word):
    """Carts unless said otherwise, as on the board."""

    def __init__(self) -> None:
        super().__init__(DeviceKind, load_default=DeviceKind.MEDICATION_CART.value)


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a list's answer."""
    name = item.__name__.removesuffix("Schema") + "Page"
    return Schema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next": fields.String(
                required=True,
                allow_none=True,
                metadata={"description": "Where the next page is; null at the end."},
            ),
        },
        name=name,
    )

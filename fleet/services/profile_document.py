"""The shape of a profile document, checked key by key."""

import math
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from fleet.domain.battery.policy import default_policy
from fleet.domain.words import Chemistry, DeviceKind

_LARGEST = 2**53
"""Beyond it, numbers do not survive JSON everywhere."""
_SLUG = r"^[a-z0-9][a-z0-9-]{1,62}$"
_KEY = r"^[a-z][a-z0-9_]{0,62}$"
_VERSION = r"^[0-9]+(\.[0-9]+){0,3}$"


class _SettingValue(fields.Field[Any]):
    """true or false, a number, or a short text."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Any:
        if isinstance(value, bool) or (isinstance(value, int) and abs(value) <= _LARGEST):
            return value
        if isinstance(value, float) and math.isfinite(value) and abs(value) <= _LARGEST:
            return value
        if isinstance(value, str) and len(value) <= 256 and value.isprintable():
            return value
        raise ValidationError(
            "must be true or false, a number, or a text of at most 256 printable characters"
        )


class WholeText(validate.Regexp):
    """The whole text: `$` alone would let a line feed at the end pass."""

    def __call__(self, value: Any) -> Any:
        if not self.regex.fullmatch(value):
            raise ValidationError(self._format_error(value))
        return value


def _printable(text: str) -> None:
    if not text.isprintable():
        raise ValidationError("must hold printable characters only")


def _whole(low: int, high: int, required: bool = False) -> fields.Integer:
    return fields.Integer(strict=True, required=required, validate=validate.Range(low, high))


def _text(pattern: str, wanted: str) -> fields.String:
    return fields.String(required=True, validate=WholeText(pattern, error=f"must be {wanted}"))


class RequiredAppSchema(Schema):
    name = _text(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", "letters, digits and . _ -")
    version = _text(_VERSION, 'dotted numbers in quotes, like "7.2"')


class AppsSchema(Schema):
    required = fields.List(fields.Nested(RequiredAppSchema), required=True)


class FirmwareSchema(Schema):
    minimum = _text(_VERSION, 'dotted numbers in quotes, like "4.1.0"')


class ReportingSchema(Schema):
    interval_s = _whole(5, 3600, required=True)


class BatteryPolicySchema(Schema):
    needs_charging_below_pct = _whole(1, 90)
    needs_charging_below_min = _whole(0, 600)
    clear_above_pct = _whole(2, 95)
    ready_above_pct = _whole(5, 100)
    replace_below_soh_pct = _whole(10, 99)
    replace_above_cycles = _whole(10, 20_000)


class ProfileSchema(Schema):
    """One file of `firmware_profiles/`."""

    profile = _text(_SLUG, "2 to 63 of a-z, 0-9 and -")
    title = fields.String(required=True, validate=[validate.Length(1, 128), _printable])
    kinds = fields.List(
        fields.String(validate=validate.OneOf(list(DeviceKind))),
        required=True,
        validate=validate.Length(min=1),
    )
    settings = fields.Dict(
        keys=fields.String(validate=WholeText(_KEY, error="must be a-z, 0-9 and _")),
        values=_SettingValue(),
        load_default=dict,
    )
    apps = fields.Nested(AppsSchema)
    firmware = fields.Nested(FirmwareSchema)
    reporting = fields.Nested(ReportingSchema, required=True)
    battery = fields.Dict(
        keys=fields.String(validate=validate.OneOf(list(Chemistry))),
        values=fields.Nested(BatteryPolicySchema),
    )

    @validates_schema
    def order(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Each policy as it will be in force, with what it leaves to its chemistry."""
        problems = {}
        for chemistry, limits in data.get("battery", {}).items():
            policy = replace(default_policy(Chemistry(chemistry)), **limits)
            if policy.clear_above_pct <= policy.needs_charging_below_pct:
                below = policy.needs_charging_below_pct
                problems[chemistry] = {
                    "clear_above_pct": [f"must be above needs_charging_below_pct ({below})"]
                }
        if problems:
            raise ValidationError({"battery": problems})

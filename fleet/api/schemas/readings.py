"""Readings: one sample of measurements each. mV, mA (positive while charging), mAh, Celsius."""

from datetime import datetime

from marshmallow import Schema, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import Limit, Moment

READING = {
    "boot": 12,
    "seq": 4711,
    "sampled_at": "2026-11-24T03:12:05.000Z",
    "received_at": "2026-11-24T03:12:05.120Z",
    "zone": "icu-bay-3",
    "wifi_rssi_dbm": -61,
    "batteries": [
        {
            "slot": 0,
            "serial": "B-1",
            "soc_pct": 92,
            "status": "discharging",
            "power_source": "none",
            "voltage_mv": 26400,
            "current_ma": -3100,
            "temp_c": 29.5,
            "cycle_count": 212,
            "remaining_mah": 36800,
            "full_charge_mah": 40000,
        }
    ],
}

CHARGE = {
    "bucket_s": 3600,
    "items": [
        {
            "start": "2026-11-24T03:00:00.000Z",
            "mean_pct": 62.4,
            "low_pct": 55,
            "high_pct": 70,
            "charging": False,
        }
    ],
}


class BatterySchema(Schema):
    slot = fields.Integer(required=True)
    serial = fields.String(required=True, allow_none=True)
    soc_pct = fields.Integer(required=True, allow_none=True)
    status = fields.String(required=True, allow_none=True)
    power_source = fields.String(required=True, allow_none=True)
    voltage_mv = fields.Integer(required=True, allow_none=True)
    current_ma = fields.Integer(required=True, allow_none=True)
    temp_c = fields.Float(required=True, allow_none=True)
    cycle_count = fields.Integer(required=True, allow_none=True)
    remaining_mah = fields.Integer(required=True, allow_none=True)
    full_charge_mah = fields.Integer(required=True, allow_none=True)


class ReadingSchema(Schema):
    """(`boot`, `seq`) names it. `sampled_at` is the device's own clock."""

    boot = fields.Integer(required=True)
    seq = fields.Integer(required=True)
    sampled_at = Moment(required=True)
    received_at = Moment(required=True)
    zone = fields.String(required=True, allow_none=True)
    wifi_rssi_dbm = fields.Integer(required=True, allow_none=True)
    batteries = fields.List(fields.Nested(BatterySchema), required=True)


class ReadingsQuery(Schema):
    since = Moment(metadata={"description": "Sampled at this moment or later."})
    until = Moment(metadata={"description": "Sampled before this moment."})
    cursor = Cursor(datetime, int, int)
    limit = Limit(100, 1000)


class BucketSchema(Schema):
    """Over all batteries and readings from `start` on, for `bucket_s` seconds."""

    start = Moment(required=True)
    mean_pct = fields.Float(required=True)
    low_pct = fields.Integer(required=True)
    high_pct = fields.Integer(required=True)
    charging = fields.Boolean(required=True, metadata={"description": "In at least half of them."})


class ChargeSchema(Schema):
    bucket_s = fields.Integer(required=True)
    items = fields.List(fields.Nested(BucketSchema), required=True)


class ChargeQuery(Schema):
    since = Moment(metadata={"description": "Without it, a day before `until`."})
    until = Moment(metadata={"description": "Without it, now."})

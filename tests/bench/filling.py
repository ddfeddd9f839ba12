"""Many rows at once, made by the database itself."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from fleet.store.types import to_ms

_READINGS = """
INSERT INTO reading (device_pk, boot, seq, slot, sampled_at, received_at, pack_id, zone_id,
    wifi_rssi_dbm, soc_pct, status, power_source, voltage_mv, current_ma, temp_c, cycle_count,
    remaining_mah, full_charge_mah)
SELECT device, 1, seq, 0, {moment}, {moment}, device, 5, -60, 80, 1, 0, 25610, -3150, 31.5, 412,
    27900, 37100
FROM {series} {order}
"""
_ROLLUPS = """
INSERT INTO {table} (device_pk, slot, start, readings, current_readings, charging_readings,
    discharge_ma_sum, charge_ma_sum, soc_pct_sum, soc_pct_min, soc_pct_max, soc_pct_first,
    soc_pct_last)
SELECT device, 0, {moment}, 120, 120, 30, 300000, 100000, 9000, 50, 100, 60, 80 FROM {series}
"""
_POSTGRESQL = {
    "moment": "timestamptz '{begun}' + seq * interval '{step_ms} ms'",
    "series": "generate_series(1, {each}) AS seq, generate_series(1, {devices}) AS device",
}
_SQLITE = {
    "moment": "{begun_ms} + seq * {step_ms}",
    "series": """
        (WITH RECURSIVE d(device) AS (SELECT 1 UNION ALL SELECT device + 1 FROM d
         WHERE device < {devices}) SELECT device FROM d)
        CROSS JOIN (WITH RECURSIVE s(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM s
         WHERE seq < {each}) SELECT seq FROM s)""",
}
AS_THEY_COME = "ORDER BY seq, device & 63, device"
"""Every device once, not in the order of their keys, then every device again."""


def fill(
    connection: Connection,
    begun: datetime,
    step: timedelta,
    each: int,
    devices: int,
    order: str = "",
) -> None:
    """So many readings of each device, one every `step`; in whatever order is the quickest."""
    parts = _parts(connection, begun, step, each, devices)
    connection.exec_driver_sql(_READINGS.format(order=order, **parts))


def fill_rollups(
    connection: Connection, table: str, begun: datetime, step: timedelta, each: int, devices: int
) -> None:
    parts = _parts(connection, begun, step, each, devices)
    connection.exec_driver_sql(_ROLLUPS.format(table=table, **parts))


def _parts(
    connection: Connection, begun: datetime, step: timedelta, each: int, devices: int
) -> dict[str, str]:
    sizes = {
        "each": each,
        "devices": devices,
        "begun": begun.isoformat(),
        "begun_ms": to_ms(begun),
        "step_ms": step // timedelta(milliseconds=1),
    }
    parts = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
    return {name: part.format(**sizes) for name, part in parts.items()}

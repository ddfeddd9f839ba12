"""What goes to PostgreSQL as arrays comes back as it was; what does not fit is refused."""

import struct
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask

from fleet.store.arrays import ArrayOf
from fleet.store.database import db
from tests.support.which_database import on_postgresql

A_MOMENT = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)


SAID = {
    "SMALLINT": [0, -32768, 32767, None],
    "INTEGER": [0, None, -(2**31), 2**31 - 1],
    "BIGINT": [-(2**63), 2**63 - 1, 1],
    "BOOLEAN": [True, None, False],
    "REAL": [0.0, -1.5, None, 2],
    "DOUBLE PRECISION": [0.1, None, -1e300],
    "VARCHAR(16)": ["", None, "Bär 🐻", 'a "quoted" one'],
    "BYTEA": [b"", b"\x00\xff", None],
    "DATE": [date(1999, 12, 31), None, date(2026, 2, 28)],
    "TIMESTAMP WITH TIME ZONE": [A_MOMENT, None, datetime(1970, 1, 1, tzinfo=UTC)],
}


def through_postgresql(type_name: str, values: list[Any]) -> list[Any]:
    sql = f"SELECT unnest(%b::{type_name}[])"
    rows = db.session.connection().exec_driver_sql(sql, (ArrayOf(type_name)(values),))
    return [row[0] for row in rows]


@on_postgresql
def test_values_come_back_as_they_were(worker: Flask) -> None:
    with worker.app_context():
        for type_name, values in SAID.items():
            assert through_postgresql(type_name, values) == values, type_name
        assert through_postgresql("JSON", ['{"a": [1, null]}']) == [{"a": [1, None]}]
        assert through_postgresql("INTEGER", []) == []
        in_kolkata = A_MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
        assert through_postgresql("TIMESTAMP WITH TIME ZONE", [in_kolkata]) == [A_MOMENT]


def test_a_number_too_large_for_its_column_is_refused_before_it_is_sent() -> None:
    with pytest.raises(struct.error):
        ArrayOf("SMALLINT")([1, 32768])


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        ArrayOf("TIMESTAMP WITH TIME ZONE")([datetime(2026, 3, 29)])  # noqa: DTZ001

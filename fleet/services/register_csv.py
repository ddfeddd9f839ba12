"""Devices from a table: all of its lines, or none; or only the look whether they could be."""

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO

from fleet.services.errors import Invalid
from fleet.services.register_devices import NewDevice, register_devices

REQUIRED = ("asset_tag", "kind", "ward")
COLUMNS = ("asset_tag", "serial", "kind", "model", "ward", "device_id")
MOST_LINES = 5_000


def register_csv(text: str, actor: str, now: datetime, *, dry_run: bool = False) -> list[str]:
    """The device ids. The first line names the columns: COLUMNS, of which REQUIRED must be there.

    Raises Invalid, which names line and column of everything that is wrong.
    """
    lines, devices = zip(*devices_in(text), strict=True)
    return register_devices(devices, actor, now, dry_run=dry_run, lines=lines)


def devices_in(text: str, most: int = MOST_LINES) -> list[tuple[int, NewDevice]]:
    """Each with its line, as they stand in the table. Raises Invalid."""
    numbered = list(_devices(text, most))
    if not numbered:
        raise Invalid({"csv": "at least one device under the line of column names"})
    return numbered


def _devices(text: str, most: int) -> Iterator[tuple[int, NewDevice]]:
    first = text.removeprefix("\ufeff").partition("\n")[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    rows = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator)
    try:
        columns = [name.strip().lower() for name in next(rows, [])]
        _check(columns)
        for row in rows:
            if any(cell.strip() for cell in row):
                yield rows.line_num, _device(dict(_cells(columns, row, rows.line_num)))
            if rows.line_num > most + 1:
                raise Invalid({"csv": f"at most {most} lines at once"})
    except csv.Error as error:
        raise Invalid({f"line {rows.line_num}: csv": str(error)}) from error


def _check(columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    strange = [name for name in columns if name not in COLUMNS]
    if missing or strange or len(set(columns)) < len(columns):
        raise Invalid({"line 1: columns": f"each once, of {', '.join(COLUMNS)}; "
                                          f"{', '.join(REQUIRED)} must be there"})  # fmt: skip


def _cells(columns: list[str], row: list[str], line: int) -> Iterator[tuple[str, str]]:
    if len(row) != len(columns):
        raise Invalid({f"line {line}: cells": f"{len(columns)}, as in the first line"})
    return zip(columns, (cell.strip() for cell in row), strict=True)


def _device(cells: dict[str, str]) -> NewDevice:
    return NewDevice(
        asset_tag=cells["asset_tag"],
        kind=cells["kind"],
        ward_slug=cells["ward"],
        device_id=cells.get("device_id") or None,
        model=cells.get("model") or None,
        serial=cells.get("serial") or None,
    )

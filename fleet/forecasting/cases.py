"""Cases in, forecasts out: the files of `fleet battery forecast`."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fleet.domain.battery.forecast import Forecast, Forecaster
from fleet.domain.battery.wear import Wear

COLUMNS = ("case_id", "cell_model", "nominal_ah", "threshold_frac", "cycle", "soh")
TOGETHER = 256
"""Cases read into bins at once: histories differ in length, and are padded to the longest."""


class BadCases(ValueError):
    """The file is not what was asked for; says where and what would be right."""


@dataclass(slots=True)
class Case:
    """One pack's history; threshold as a fraction of the design capacity."""

    model: str
    nominal_ah: float
    threshold: float
    readings: list[tuple[float, float]] = field(default_factory=list)


def read(path: Path) -> dict[str, Case]:
    """By case_id. A row whose soh or cycle is empty is a case without that reading."""
    cases: dict[str, Case] = {}
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        missing = set(COLUMNS) - set(rows.fieldnames or ())
        if missing:
            raise BadCases(f"{path}: no column {', '.join(sorted(missing))}")
        for row in rows:
            if None in row.values():
                raise BadCases(f"{path}, line {rows.line_num}: fewer fields than columns")
            try:
                case = cases.get(row["case_id"])
                if case is None:
                    case = cases[row["case_id"]] = Case(
                        row["cell_model"], float(row["nominal_ah"]), float(row["threshold_frac"])
                    )
                if row["cycle"] and row["soh"]:
                    case.readings.append((float(row["cycle"]), float(row["soh"])))
            except ValueError as error:
                raise BadCases(f"{path}, line {rows.line_num}: {error}") from error
    return cases


def forecast(cases: list[Case], forecaster: Forecaster) -> list[Forecast]:
    """For the cases in their order, TOGETHER in each answer."""
    told = []
    for start in range(0, len(cases), TOGETHER):
        some = cases[start : start + TOGETHER]
        # A file has no order in time that could be trusted: by cycle.
        histories = [np.array(sorted(case.readings)).reshape(-1, 2).T for case in some]
        wear = Wear.of_histories([(cycle, soh) for cycle, soh in histories])
        told.append(
            forecaster(
                wear,
                [case.model for case in some],
                np.array([case.threshold for case in some]),
                np.array([case.nominal_ah for case in some]),
            )
        )
    return told


def write(path: Path, names: list[str], forecasts: list[Forecast]) -> int:
    """Empty fields where there is not enough data; returns for how many cases."""
    parts = [np.stack([f.end_of_life, f.low, f.high], axis=1) for f in forecasts]
    rows = np.concatenate([np.empty((0, 3)), *parts])
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("case_id", "eol_cycle_pred", "lo80", "hi80"))
        for name, row in zip(names, rows, strict=True):
            out.writerow([name, *("" if np.isnan(value) else f"{value:.1f}" for value in row)])
    return sum(int(np.isnan(f.end_of_life).sum()) for f in forecasts)

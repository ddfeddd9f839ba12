"""The ageing data that is not part of the project: where it is, if it is here."""

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from tests.support.processes import ROOT

Floats = np.ndarray


def battery_data() -> Path | None:
    """The folder with the cells for development; None where there is none."""
    folder = Path(os.environ.get("WARDFLEET_BATTERY_DATA", ROOT / "../shared/data/battery")) / "dev"
    return folder if (folder / "cells.csv").exists() else None


def field_histories(folder: Path) -> dict[str, tuple[Floats, Floats]]:
    """(cycle, health) of each cell as a gauge in the field would have reported it."""
    rows = defaultdict(list)
    with (folder / "soh_field_like.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows[row["cell"]].append((float(row["cycle"]), float(row["soh_reported"] or "nan")))
    return {cell: tuple(np.array(found).T) for cell, found in rows.items()}

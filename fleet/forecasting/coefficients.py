"""The shipped forecaster: arrays in an npz file, read without pickle, so nothing in it can run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.forecast import Expert, Forecaster, Nets

SHIPPED = Path(__file__).with_name("coefficients.npz")


def load(path: Path = SHIPPED) -> Forecaster:
    with np.load(path, allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        numbers = {name: arrays[name] for name in arrays.files if name != "about"}
    known, new = (
        Expert(
            tuple(about["inputs"][name]),
            Nets.of(numbers, f"{name}.remaining"),
            Nets.of(numbers, f"{name}.error"),
            numbers[f"{name}.quantiles"],
        )
        for name in ("known", "new")
    )
    return Forecaster(tuple(about["models"]), known, new)


def save(path: Path, forecaster: Forecaster, sources: list[dict[str, str]]) -> None:
    """`sources`: name, origin and licence of every data set learned from."""
    arrays: dict[str, NDArray[np.float64]] = {}
    experts = {"known": forecaster.of_known, "new": forecaster.of_new}
    for name, expert in experts.items():
        arrays |= expert.remaining.arrays(f"{name}.remaining")
        arrays |= expert.error.arrays(f"{name}.error")
        arrays[f"{name}.quantiles"] = expert.quantiles
    about = {
        "models": forecaster.models,
        "inputs": {name: expert.inputs for name, expert in experts.items()},
        "sources": sources,
    }
    small: dict[str, Any] = {name: values.astype(np.float32) for name, values in arrays.items()}
    np.savez_compressed(path, about=np.array(json.dumps(about)), **small)

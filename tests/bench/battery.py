"""Errors of forecasts on cells and data sets left out; their speed: `make bench-battery`.

Each fold learns everything anew without its cells, with 2 nets where 4 are shipped.
The data is not part of the project: WARDFLEET_BATTERY_DATA names its folder.
"""

import resource
import time

import numpy as np

from fleet.domain.battery.forecast import Forecaster
from fleet.domain.battery.wear import Wear
from fleet.forecasting import coefficients, training
from fleet.forecasting.training_data import Life, read_lives
from tests.support.battery_data import battery_data, field_histories

FRACTIONS = (0.5, 0.7, 0.9)
PACKS, READINGS, TOGETHER = 100_000, 400, 2048


def main() -> None:
    _speed()
    folder = battery_data()
    if folder is None:
        raise SystemExit("WARDFLEET_BATTERY_DATA names no folder with cells.csv and capacity.csv")
    lives, field = read_lives(folder), field_histories(folder)
    fold = _folds(lives)
    _table("cells left out (8 folds)", lives, field, fold)
    _table("a data set left out", lives, field, np.array([life.dataset for life in lives]))


def _folds(lives: list[Life]) -> np.ndarray:
    """Every eighth cell of each model is in one fold."""
    seen: dict[str, int] = {}
    fold = []
    for life in lives:
        seen[life.model] = seen.get(life.model, -1) + 1
        fold.append(seen[life.model] % 8)
    return np.array(fold)


def _table(title: str, lives: list[Life], field: dict, fold: np.ndarray) -> None:
    rows = []
    for one in np.unique(fold):
        taught = [x for x, f in zip(lives, fold, strict=True) if f != one]
        forecaster = training.learn(taught, nets=2)
        for life in (x for x, f in zip(lives, fold, strict=True) if f == one):
            rows += _errors(forecaster, life, field[life.cell])
    print(f"\n{title}\n")
    print("| readings | of life | median | p90 | mean of sets' medians | covered | median width |")
    print("|---|---|---|---|---|---|---|")
    for kind in ("clean", "field"):
        for share in FRACTIONS:
            some = [r for r in rows if r[1] == kind and r[2] == share]
            error, covered, width = (np.array([r[n] for r in some]) for n in (3, 4, 5))
            sets = np.array([r[0] for r in some])
            mean = np.mean([np.median(error[sets == one]) for one in np.unique(sets)])
            told = f"{np.median(error):.1f} % | {np.quantile(error, 0.9):.1f} % | {mean:.1f} %"
            kept = f"{covered.mean():.0%} | {np.median(width):.0f} %"
            print(f"| {kind} | {share:.0%} | {told} | {kept} |", flush=True)


def _errors(forecaster: Forecaster, life: Life, field: tuple) -> list[tuple]:
    rng = np.random.default_rng([ord(letter) for letter in life.cell])
    rows = []
    for share in FRACTIONS:
        until = int((share + rng.uniform(-0.05, 0.05)) * life.end)
        for kind, (cycle, health) in (("clean", (life.cycle, life.health)), ("field", field)):
            before = cycle <= until
            told = forecaster(
                Wear.of_histories([(cycle[before], health[before])]),
                [life.model], np.array([life.threshold]), np.array([life.nominal_ah]),
            )  # fmt: skip
            low, middle, high = told.low[0], told.end_of_life[0], told.high[0]
            rows.append((life.dataset, kind, share, 100 * abs(middle - life.end) / life.end,
                         low <= life.end <= high, 100 * (high - low) / life.end))  # fmt: skip
    return rows


def _speed() -> None:
    forecaster, rng = coefficients.load(), np.random.default_rng(1)
    for name, models in (("a known model", [forecaster.models[0]]), ("a new model", ["new"])):
        spent = 0.0
        for start in range(0, PACKS, TOGETHER):
            packs = min(TOGETHER, PACKS - start)
            cycle = np.cumsum(rng.uniform(0.5, 2, (packs, READINGS)), axis=1)
            health = 1 - 2e-4 * cycle + rng.normal(0, 0.01, cycle.shape)
            begun = time.process_time()
            forecaster(Wear.of_histories(list(zip(cycle, health, strict=True))), models * packs,
                       np.full(packs, 0.8), np.full(packs, 2.0))  # fmt: skip
            spent += time.process_time() - begun
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{PACKS:,} packs of {name}, {READINGS} readings: {spent:.1f} s, {memory:.0f} MB")


if __name__ == "__main__":
    main()

"""Learning the coefficients, and finding out honestly how good they are.

Whole cells are left out, with everything made from them; the errors on them give the interval.
Deterministic: the same data and versions give the same file. Needs scikit-learn (extra `train`).
"""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from fleet.domain.battery.features import ABSOLUTE, matrix
from fleet.domain.battery.forecast import (
    ERROR_CLASSES,
    Expert,
    Forecaster,
    Nets,
    error_class,
    one_of,
)
from fleet.forecasting.training_data import Life, Sample, cut

Floats = NDArray[np.float64]

FOLDS = 8
COVERAGE = 0.80
LEAST_ERROR = 0.02
"""Errors below this count as this: their logarithm would run away."""


def learn(lives: list[Life], nets: int = 4, copies: int = 24) -> Forecaster:
    models = tuple(sorted({life.model for life in lives}))
    known = cut(lives, copies, seed=1, warped=False)
    new = cut(lives, copies, seed=2, warped=True)
    inputs = tuple(known.named)
    free = tuple(name for name in inputs if name not in ABSOLUTE and not name.startswith("slope"))
    return Forecaster(
        models,
        _expert(known, inputs, models, folds_by_cell(known), nets, 1e-2, 60),
        _expert(new, free, (), new.dataset, nets, 0.1, 25),
    )


def folds_by_cell(sample: Sample, seed: int = 1) -> NDArray[np.intp]:
    """A fold for each row; all rows of a cell are in one, and each model is in most of them."""
    rng = np.random.default_rng(seed)
    fold: dict[str, int] = {}
    for model in np.unique(sample.model):
        start = rng.integers(FOLDS)
        cells = rng.permutation(np.unique(sample.cell[sample.model == model]))
        fold |= {cell: (start + n) % FOLDS for n, cell in enumerate(cells)}
    return np.array([fold[cell] for cell in sample.cell])


def _expert(
    sample: Sample, inputs: tuple[str, ...], models: tuple[str, ...], fold: NDArray[np.generic],
    nets: int, decay: float, epochs: int,
) -> Expert:  # fmt: skip
    seen = matrix(sample.named, inputs)
    extra = one_of(np.searchsorted(models, sample.model), len(models)) if models else None

    def fit(told: Floats, rows: NDArray[np.bool_], epochs: int, decay: float) -> Nets:
        return _fit(seen, extra, told, rows, nets, decay, epochs)

    every = np.ones(len(fold), dtype=bool)
    middle = _left_out(fold, seen, extra, lambda rows: fit(sample.told, rows, epochs, decay))
    error = sample.told - middle
    size = np.log(np.abs(error) + LEAST_ERROR)
    # The nets for the error are small and held back: few cells teach how far one errs.
    expected = _left_out(fold, seen, extra, lambda rows: fit(size, rows, 15, 3.0))
    weight = _equal_shares(sample.cell if models else sample.dataset)
    return Expert(
        inputs,
        fit(sample.told, every, epochs, decay),
        fit(size, every, 15, 3.0),
        _quantiles(error / np.exp(expected), error_class(middle, sample.named["noise"]), weight),
    )


def _left_out(
    fold: NDArray[np.generic], seen: Floats, extra: Floats | None,
    fit: Callable[[NDArray[np.bool_]], Nets],
) -> Floats:  # fmt: skip
    """What nets tell about the rows that they were not taught."""
    told = np.empty(len(seen))
    for one in np.unique(fold):
        rows = fold == one
        told[rows] = fit(~rows)(seen[rows], None if extra is None else extra[rows])
    return told


def _fit(
    seen: Floats, extra: Floats | None, told: Floats, rows: NDArray[np.bool_], nets: int,
    decay: float, epochs: int,
) -> Nets:  # fmt: skip
    least, most = np.percentile(seen[rows], [0.5, 99.5], axis=0)
    clipped = np.clip(seen[rows], least, most)
    mean, deviation = clipped.mean(0), clipped.std(0) + 1e-9
    inputs = (clipped - mean) / deviation
    if extra is not None:
        inputs = np.hstack([inputs, extra[rows]])
    middle, scale = told[rows].mean(), told[rows].std()
    with warnings.catch_warnings():
        # Stopping early on purpose is what keeps a net from learning its cells by heart.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = [
            MLPRegressor(
                hidden_layer_sizes=(64, 32), alpha=decay, max_iter=epochs, n_iter_no_change=epochs,
                learning_rate_init=2e-3, batch_size=128, random_state=n, tol=0.0,
            ).fit(inputs, (told[rows] - middle) / scale)
            for n in range(nets)
        ]  # fmt: skip
    weights = [np.stack(layer) for layer in zip(*(net.coefs_ for net in fitted), strict=True)]
    biases = [np.stack(layer) for layer in zip(*(net.intercepts_ for net in fitted), strict=True)]
    weights[-1], biases[-1] = weights[-1] * scale, biases[-1] * scale + middle
    return Nets(least, most, mean, deviation, tuple(weights), tuple(biases))


def _quantiles(ratio: Floats, group: NDArray[np.intp], weight: Floats) -> Floats:
    tails = ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2)
    found = [
        [_weighted_quantile(ratio[group == one], weight[group == one], tail) for tail in tails]
        for one in range(ERROR_CLASSES)
    ]
    return np.array(found)


def _weighted_quantile(values: Floats, weight: Floats, share: float) -> float:
    order = np.argsort(values)
    below = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(below, share * below[-1])])


def _equal_shares(owner: NDArray[np.str_]) -> Floats:
    """Weights by which every owner counts the same, however many rows it has."""
    _, place, count = np.unique(owner, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / count[place], dtype=np.float64)

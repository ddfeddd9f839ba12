"""When a pack falls below its threshold: cycles, with an interval that holds four times in five.

Small neural nets, learned beforehand, look at `features`; they differ in whether the pack's model
is known. Their errors on cells that they did not see give the interval: conformal prediction, with
quantiles of its own for each class of remaining life (Vovk's Mondrian), scaled by how far nets
erred on similar packs (Papadopoulos et al. 2002; Romano et al. 2019 for both sides apart).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.features import features, matrix
from fleet.domain.battery.wear import Wear

Floats = NDArray[np.float64]

LEAST_READINGS = 5
"""Below this nothing is forecast."""
FLOOR = 0.004
"""Added to the remaining share before its logarithm, which would run away at the end of life."""
CLASSES = np.array([-1.7, -0.7])
"""Limits of the classes of remaining life: logarithms of remaining over used."""
NOISY_GAUGE = 0.004
"""Standard deviation of one reading of health from which on a gauge has classes of its own."""
ERROR_CLASSES = 2 * (len(CLASSES) + 1)
CHUNK = 4096
"""Packs at a time: what they need stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Nets:
    """An ensemble of multilayer perceptrons with ReLU; layers are (nets, inputs, outputs)."""

    least: Floats
    most: Floats
    mean: Floats
    deviation: Floats
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def __call__(self, seen: Floats, extra: Floats | None = None) -> Floats:
        """The mean of the nets, (packs,). Inputs beyond the training data are drawn to its edge."""
        inputs = (np.clip(seen, self.least, self.most) - self.mean) / self.deviation
        signal = (inputs if extra is None else np.hstack([inputs, extra]))[None]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            signal = np.maximum(signal @ weight + bias[:, None], 0.0)
        told: Floats = (signal @ self.weights[-1] + self.biases[-1][:, None])[:, :, 0].mean(0)
        return told

    def arrays(self, name: str) -> dict[str, Floats]:
        """By the names under which they are stored."""
        plain = {part: getattr(self, part) for part in ("least", "most", "mean", "deviation")}
        layers = {f"weights_{n}": w for n, w in enumerate(self.weights)}
        layers |= {f"biases_{n}": b for n, b in enumerate(self.biases)}
        return {f"{name}.{part}": values for part, values in (plain | layers).items()}

    @classmethod
    def of(cls, arrays: Mapping[str, Floats], name: str) -> Self:
        count = sum(key.startswith(f"{name}.weights_") for key in arrays)
        return cls(
            arrays[f"{name}.least"],
            arrays[f"{name}.most"],
            arrays[f"{name}.mean"],
            arrays[f"{name}.deviation"],
            weights=tuple(arrays[f"{name}.weights_{n}"] for n in range(count)),
            biases=tuple(arrays[f"{name}.biases_{n}"] for n in range(count)),
        )


@dataclass(frozen=True, slots=True)
class Expert:
    """Nets for the remaining life, nets for their own error, and its quantiles by class."""

    inputs: tuple[str, ...]
    remaining: Nets
    error: Nets
    quantiles: Floats
    """(classes, 2): the 10th and 90th percentile of error over expected error."""

    def __call__(self, named: Mapping[str, Floats], extra: Floats | None) -> tuple[Floats, ...]:
        """(low, middle, high) logarithms of remaining over used."""
        seen = matrix(named, self.inputs)
        middle, expected = self.remaining(seen, extra), np.exp(self.error(seen, extra))
        low, high = self.quantiles[error_class(middle, named["noise"])].T
        return middle + low * expected, middle, middle + high * expected


@dataclass(frozen=True, slots=True)
class Forecast:
    """(packs,) each, in equivalent full cycles since new; NaN where there is not enough data."""

    end_of_life: Floats
    low: Floats
    high: Floats
    known: NDArray[np.bool_]
    """Whether the pack's model was among those learned from; else "new model, wide"."""


@dataclass(frozen=True, slots=True)
class Forecaster:
    """What is shipped, read from its arrays."""

    models: tuple[str, ...]
    of_known: Expert
    of_new: Expert

    def __call__(
        self, wear: Wear, models: Sequence[str], threshold: Floats, nominal_ah: Floats
    ) -> Forecast:
        """For each pack, by the fraction of design capacity below which it is replaced."""
        places = np.array([self.models.index(m) if m in self.models else -1 for m in models])
        packs = range(0, len(wear), CHUNK)
        parts = [
            self._some(wear[slice(at, at + CHUNK)], places[at : at + CHUNK],
                       threshold[at : at + CHUNK], nominal_ah[at : at + CHUNK])
            for at in packs
        ]  # fmt: skip
        low, middle, high = np.concatenate(parts, axis=1) if parts else np.empty((3, 0))
        return Forecast(middle, low, high, places >= 0)

    def _some(
        self, wear: Wear, place: NDArray[np.intp], threshold: Floats, nominal_ah: Floats
    ) -> Floats:
        ends = np.full((3, len(wear)), np.nan)
        enough = (wear.readings.sum(1) >= LEAST_READINGS) & (wear.age > 0)
        for expert, whose in (
            (self.of_known, enough & (place >= 0)),
            (self.of_new, enough & (place < 0)),
        ):
            if not whose.any():
                continue
            named = features(wear[whose], threshold[whose], nominal_ah[whose])
            extra = one_of(place[whose], len(self.models)) if expert is self.of_known else None
            left = [np.maximum(np.exp(z) - FLOOR, 0.0) for z in expert(named, extra)]
            ends[:, whose] = wear.age[whose] * (1 + np.stack(left))
        return ends


def error_class(log_left: Floats, noise: Floats) -> NDArray[np.intp]:
    """Which of the ERROR_CLASSES a pack is in: by what is left of its life, and by its gauge."""
    noisy = (noise > NOISY_GAUGE).astype(np.intp)
    return np.searchsorted(CLASSES, log_left) + (len(CLASSES) + 1) * noisy


def one_of(place: NDArray[np.intp], count: int) -> Floats:
    """(packs, count): 1 at the pack's place."""
    return np.asarray(place[:, None] == np.arange(count), dtype=np.float64)


def log_remaining(end: Floats, age: Floats) -> Floats:
    """What the nets learn to tell."""
    told: Floats = np.log(np.maximum(end - age, 0.0) / age + FLOOR)
    return told

"""Experiments in which nothing, or a known effect, is to be found: what verdicts are measured on."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]

DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy tails (t, 3 df)": lambda rng, shape: rng.standard_t(3, size=shape) / math.sqrt(3),
    "peaked (Laplace)": lambda rng, shape: rng.laplace(size=shape) / math.sqrt(2),
    "flat (uniform)": lambda rng, shape: rng.uniform(-1, 1, size=shape) * math.sqrt(3),
    "skewed (exponential)": lambda rng, shape: rng.exponential(size=shape) - 1,
}
"""Mean 0 and variance 1. All but the last are symmetric, as the differences of two trainings of one method are."""


@dataclass(frozen=True)
class Design:
    """Differences of two variants over the cases of a cross-validation.

    cases: of each fold.
    shared: share of a difference's variance, in [0, 1], that the cases of a fold have in common: what its networks owe
        to the luck of their training.
    seeds: trainings of each fold that are averaged; they make that luck smaller, and what a case is like no other.
    effect: true mean difference, in standard deviations of one case's difference with one seed.
    """

    cases: tuple[int, ...] = (4, 4, 4, 4, 4)
    shared: float = 0.0
    seeds: int = 1
    effect: float = 0.0
    distribution: str = "normal"

    @property
    def folds(self) -> list[int]:
        """The fold of every case."""
        return [fold for fold, count in enumerate(self.cases) for _ in range(count)]


def differences(design: Design, experiments: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """The differences of all cases, (cases,), an experiment at a time."""
    rng, draw = np.random.default_rng(seed), DISTRIBUTIONS[design.distribution]
    of_fold = np.array(design.folds)
    for _ in range(experiments):
        luck = draw(rng, (len(design.cases),))[of_fold] * math.sqrt(design.shared / design.seeds)
        yield design.effect + luck + draw(rng, of_fold.shape) * math.sqrt(1 - design.shared)


@dataclass(frozen=True)
class Learners:
    """Two ridge regressions that are equally good by symmetry, each on its own half of the features, cross-validated.

    Their networks are none, but their training sets overlap as those of any cross-validation do.

    features: of each half; the more for a number of cases, the more a fit hangs on what it was trained on.
    """

    cases: int
    folds: int
    features: int
    penalty: float = 1.0


def learned_differences(learners: Learners, experiments: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Differences of the held-out cases' squared errors, (cases,), a data set at a time."""
    rng, half = np.random.default_rng(seed), learners.features
    fold_of = np.arange(learners.cases) % learners.folds
    for _ in range(experiments):
        inputs = rng.normal(size=(learners.cases, 2 * half))
        weights = rng.normal(size=half) / math.sqrt(half)
        target = inputs @ np.concatenate([weights, weights]) + rng.normal(size=learners.cases)
        errors = np.empty((2, learners.cases))
        for side, columns in enumerate((inputs[:, :half], inputs[:, half:])):
            for fold in range(learners.folds):
                held_out = fold_of == fold
                x, y = columns[~held_out], target[~held_out]
                fitted = np.linalg.solve(x.T @ x + learners.penalty * np.eye(half), x.T @ y)
                errors[side, held_out] = (target[held_out] - columns[held_out] @ fitted) ** 2
        yield errors[0] - errors[1]

"""How a measure spreads over the folds and over the seeds of a variant's runs."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ramify.comparison.results import RunResults


class Spread(NamedTuple):
    """Mean of a measure over the runs of a variant, and what it varies with.

    mean: over the folds, each the mean over its seeds, each the mean over its cases.
    sd_folds: standard deviation (n − 1) of the folds' means, as published tables have it; None for a single fold.
    sd_seeds: of runs on the same fold that differ in the seed alone, pooled over the folds; None without two.
    folds, runs: how many are behind it.
    """

    mean: float
    sd_folds: float | None
    sd_seeds: float | None
    folds: int
    runs: int


def run_mean(results: RunResults, measure: str) -> float | None:
    """Mean of a measure over the cases of a run that define it; None where none does."""
    values = [value for row in results.rows.values() if (value := row.get(measure)) is not None]
    return float(np.mean(values)) if values else None


def spread_of(values: Mapping[tuple[int, int], float]) -> Spread | None:
    """The spread of run means; None without a run.

    values: (fold, seed) -> the mean of that run.
    """
    if not values:
        return None
    of_fold: dict[int, list[float]] = {}
    for (fold, _), value in values.items():
        of_fold.setdefault(fold, []).append(value)
    means = [float(np.mean(seeds)) for seeds in of_fold.values()]
    freedom = sum(len(seeds) - 1 for seeds in of_fold.values())
    within = sum(float(np.var(seeds)) * len(seeds) for seeds in of_fold.values())
    return Spread(
        mean=float(np.mean(means)),
        sd_folds=float(np.std(means, ddof=1)) if len(means) > 1 else None,
        sd_seeds=float(np.sqrt(within / freedom)) if freedom else None,
        folds=len(means),
        runs=len(values),
    )

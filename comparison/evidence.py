"""What the pairs of one measure say by themselves, before other tests are looked at."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ramify.comparison.cross_validation import t_interval, t_test, unit_means
from ramify.comparison.statistics import (
    Interval,
    Significance,
    Values,
    bootstrap_interval,
    cohen_dz,
    paired_differences,
    rank_biserial,
    sign_flip_test,
    wilcoxon_test,
)
from ramify.comparison.test_set import CrossedSpread, as_grid, crossed_interval, crossed_spread, crossed_t_test


@dataclass(frozen=True)
class Evidence:
    """Paired statistics of a variant against the reference in one measure; differences are variant − reference.

    A pair is what could as well have had the other sign: the mean of a fold, a network, a patient, or a case.

    Args:
        pairs, differing: how many pairs there are, and in how many the two values differ.
        mean, sd, reference_mean, reference_sd: over the pairs; sd with n − 1, None for a single pair.
        difference: mean paired difference.
        interval: of the mean difference, that of `t` for folds and networks, else a bootstrap's; None with fewer than
            three pairs (two folds or networks), or where it cannot be computed. With a `highest` value it ends where
            differences do.
        cut: whether it reached beyond that before.
        cohen_dz: mean over standard deviation of the differences; None where they do not spread.
        rank_biserial: balance of the signed ranks in [−1, 1]; None where no pair differs.
        t: the t test, corrected where pairs are folds; over networks and cases at once where pairs are networks.
        cases: how many values the pairs are made of.
        cross_validated: whether pairs are the folds of a cross-validation.
        crossed: what the mean varies with, where pairs are networks that are all scored on the same cases.
        told: whether it was said which values share what they owe to luck, as those of one network do. If not, every
            value is a pair here, and supports no verdict.
    """

    pairs: int
    differing: int
    mean: float
    sd: float | None
    reference_mean: float
    reference_sd: float | None
    difference: float
    interval: Interval | None
    wilcoxon: Significance
    permutation: Significance
    cohen_dz: float | None
    rank_biserial: float | None
    t: Significance
    cases: int
    cross_validated: bool = False
    told: bool = True
    crossed: CrossedSpread | None = None
    cut: bool = False

    @property
    def effect(self) -> float:
        """Cohen's d_z, inf where all differences are the same but not 0: what power is computed from."""
        if self.cohen_dz is not None:
            return self.cohen_dz
        return 0.0 if self.difference == 0 or self.pairs < 2 else float("inf")


def weigh(
    values: Values,
    reference: Values,
    level: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
    units: Sequence[Hashable] | None = None,
    cross_validated: bool = False,
    cases: Sequence[Hashable] | None = None,
    highest: float = math.inf,
) -> Evidence | None:
    """Everything that paired values say; None without a pair.

    Args:
        values, reference: of the variant and of the reference, those of one case at each place.
        level: of the interval.
        resamples: of the bootstrap.
        seed: of every random draw.
        units: which unit each place is part of: the fold, patient or case; units are independent of each other, and
            each is one pair with the mean of its cases. None where nobody says: then `judge` makes no claim.
        cross_validated: whether the units are the folds of a cross-validation.
        cases: which case each place is of, where the units are networks that are all scored on the same cases.
        highest: the most that a value can be, of a measure from 0 up. No mean difference is beyond it, so that an
            interval cut there holds the true one as often.

    Raises:
        ValueError: lists of different length, a value that is not finite, or a network without one of the cases.

    Examples:
        >>> from ramify.comparison import weigh
        >>> evidence = weigh([0.75, 0.8, 0.85], [0.7, 0.7, 0.7], units=["a", "b", "c"])
        >>> round(evidence.difference, 3), evidence.pairs, evidence.interval is not None
        (0.1, 3, True)
    """
    differences, count = paired_differences(values, reference), len(values)
    if count == 0:
        return None
    grid = None
    if units is not None:
        if cases is not None:
            grid = as_grid(differences, units, cases)
        values, reference = unit_means(values, units), unit_means(reference, units)
        differences = paired_differences(values, reference)
    if grid is not None:
        interval, t = crossed_interval(grid, level), crossed_t_test(grid)
    else:
        interval = (
            t_interval(differences, level, cross_validated)
            if cross_validated
            else bootstrap_interval(differences, level, resamples, seed)
        )
        t = t_test(differences, cross_validated)
    whole, interval = interval, _cut(interval, highest)
    return Evidence(
        pairs=len(differences),
        differing=int(np.count_nonzero(differences)),
        mean=float(np.mean(values)),
        sd=_sd(values),
        reference_mean=float(np.mean(reference)),
        reference_sd=_sd(reference),
        difference=float(differences.mean()),
        interval=interval,
        wilcoxon=wilcoxon_test(differences, seed),
        permutation=sign_flip_test(differences, seed),
        cohen_dz=cohen_dz(differences),
        rank_biserial=rank_biserial(differences),
        t=t,
        cases=count if grid is None else grid.shape[1],
        cross_validated=cross_validated,
        told=units is not None,
        crossed=crossed_spread(grid) if grid is not None and len(grid) > 1 else None,
        cut=interval != whole,
    )


def _cut(interval: Interval | None, highest: float) -> Interval | None:
    return interval and Interval(max(interval.low, -highest), min(interval.high, highest))


def _sd(values: Values) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None

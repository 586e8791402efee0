"""Two groups of different cases: how far their means are apart, with an interval and a test; by scipy.stats."""

import math
import warnings

import numpy as np
import scipy

from ramify.comparison.statistics import DRAWN_AT_ONCE, EXACT_FLIPS, Interval, Significance, Values

_FEWEST = 2


def welch_interval(values: Values, reference: Values, level: float = 0.95) -> Interval | None:
    """Welch's interval of the difference of two means, values − reference, of groups with spreads of their own.

    Groups are often of five cases or so, where it holds its level better than the bootstrap.

    Args:
        values, reference: finite, (n,) and (m,).
        level: of the interval.

    Returns:
        None with fewer than two values in either group; where neither varies, the difference twice.
    """
    groups = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if min(map(len, groups)) < _FEWEST:
        return None
    if all(np.ptp(group) == 0 for group in groups):
        difference = float(groups[0].mean() - groups[1].mean())
        return Interval(difference, difference)
    with warnings.catch_warnings():
        # scipy warns of a group without spread, which Welch's formula has a place for.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = scipy.stats.ttest_ind(*groups, equal_var=False).confidence_interval(level)
    return Interval(float(found.low), float(found.high))


def permutation_test(values: Values, reference: Values, seed: int = 0) -> Significance | None:
    """Whether two means differ, two-sided: every case could as well have been in the other group.

    p is the share of ways to part the cases whose means are as far apart: of all where they are at most 2^14, else of
    2^14 drawn ones (scipy.stats.permutation_test, permutation_type "independent").

    Args:
        values, reference: finite, (n,) and (m,).
        seed: of the drawn ones.

    Returns:
        None with fewer than two values in either group.
    """
    groups = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    sizes = len(groups[0]), len(groups[1])
    if min(sizes) < _FEWEST:
        return None
    if np.ptp(np.concatenate(groups)) == 0:
        return Significance(1.0, 1.0, "no value differs")
    p = scipy.stats.permutation_test(
        groups,
        lambda one, other, axis: np.abs(np.mean(one, axis=axis) - np.mean(other, axis=axis)),
        permutation_type="independent",
        alternative="greater",
        vectorized=True,
        n_resamples=EXACT_FLIPS,
        batch=max(1, DRAWN_AT_ONCE // sum(sizes)),
        rng=np.random.default_rng(seed),
    ).pvalue
    ways = math.comb(sum(sizes), sizes[0])
    # Of groups of one size the mirrored way is as far apart.
    least = (2 if sizes[0] == sizes[1] else 1) / ways
    if ways <= EXACT_FLIPS:
        return Significance(float(p), least, "exact")
    return Significance(float(p), max(least, 1 / (EXACT_FLIPS + 1)), f"{EXACT_FLIPS} draws")

"""Intervals, tests and effect sizes of paired differences, and the adjustment for many tests; scipy.stats tests."""

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

SIGNIFICANT_DIGITS = 12
LEAST_PAIRS_FOR_INTERVAL = 3
EXACT_FLIPS = 2**14
"""As many sign patterns are enumerated, or drawn where there are more: exact up to 14 pairs that differ."""
ROUNDING = 1e-9
"""Of the sum of all differences' sizes: what sums may be apart and equal."""
EXACT_RANKS = 50
"""Up to as many pairs without ties, Wilcoxon's distribution is taken exactly."""

DRAWN_AT_ONCE = 2_000_000
"""Values resampled at a time, about 100 MB of work; how many it is changes no number."""

Values = Sequence[float] | NDArray[np.float64]
Differences = NDArray[np.float64]


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


class Significance(NamedTuple):
    """Outcome of a two-sided test.

    Attributes:
        p: the p-value, in (0, 1].
        least_p: the smallest p that this test can give for as many pairs that differ, whatever their values.
        method: how p was found, in words.
    """

    p: float
    least_p: float
    method: str


def paired_differences(values: Values, reference: Values) -> Differences:
    """values − reference, rounded to twelve digits of the greatest value: what arithmetic alone tells apart is a tie.

    Args:
        values, reference: finite, (n,) each, a pair at each place.

    Raises:
        ValueError: another number of values than of references, or one that is not finite.

    Examples:
        >>> from ramify.comparison import paired_differences
        >>> paired_differences([0.8, 0.7], [0.7, 0.7]).tolist()
        [0.1, 0.0]
    """
    pair = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape:
        raise ValueError(
            f"paired values: expected two lists of one length, got shapes {pair[0].shape} and {pair[1].shape}"
        )
    if not np.isfinite(pair).all():
        raise ValueError(
            "paired values: expected finite numbers; leave out pairs with an undefined value, and count them"
        )
    greatest = np.abs(pair).max(initial=0.0)
    if greatest == 0:
        return np.zeros_like(pair[0])
    # Never below the smallest normal number, where a scale would overflow.
    decimals = min(SIGNIFICANT_DIGITS - math.ceil(math.log10(greatest)), 290)
    return np.round(pair[0] - pair[1], decimals)


def bootstrap_interval(
    differences: Differences, level: float = 0.95, resamples: int = 9999, seed: int = 0
) -> Interval | None:
    """Bias-corrected and accelerated bootstrap interval of the mean difference (Efron 1987), by scipy.stats.bootstrap.

    It covers less than `level` where pairs are few: see `bootstrap_coverage`.

    Returns:
        None with fewer than three pairs, and where the ends are no numbers: of differences so small or so large that
        their cubes are none. Where all differences are equal, that value twice.

    Examples:
        >>> import numpy as np
        >>> from ramify.comparison import bootstrap_interval
        >>> bootstrap_interval(np.full(5, 0.25))
        Interval(low=0.25, high=0.25)
        >>> interval = bootstrap_interval(np.array([0.1, 0.2, 0.3]))
        >>> 0.1 <= interval.low < 0.2 < interval.high <= 0.3
        True
    """
    if len(differences) < LEAST_PAIRS_FOR_INTERVAL:
        return None
    if np.ptp(differences) == 0:
        return Interval(float(differences[0]), float(differences[0]))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", scipy.stats.DegenerateDataWarning)
        found = scipy.stats.bootstrap(
            (differences,),
            np.mean,
            method="BCa",
            confidence_level=level,
            n_resamples=resamples,
            batch=max(1, DRAWN_AT_ONCE // len(differences)),
            rng=np.random.default_rng(seed),
        ).confidence_interval
    if not np.isfinite(found).all():
        return None
    return Interval(float(found.low), float(found.high))


def bootstrap_coverage(pairs: int, level: float = 0.95) -> float:
    """Share of bootstrap intervals of n normal differences that hold the true mean: P(|t| ≤ z √((n − 1)/n)).

    The bootstrap's spread is that of the sample with n, not n − 1, in its denominator, and its quantiles are the normal
    distribution's rather than t's. An approximation to first order.

    Args:
        pairs: n >= 2.
    """
    z = scipy.stats.norm.ppf((1 + level) / 2)
    return float(1 - 2 * scipy.stats.t.sf(z * math.sqrt((pairs - 1) / pairs), pairs - 1))


def wilcoxon_test(differences: Differences, seed: int = 0) -> Significance:
    """Wilcoxon's signed-rank test, two-sided; zeros are left out of the ranks (zero_method "wilcox").

    Exact up to 50 differences without ties and, by enumeration, up to 14 with ties; otherwise the normal approximation
    with corrections for ties and continuity. p is 1 where no difference is left.

    Examples:
        >>> import numpy as np
        >>> from ramify.comparison import wilcoxon_test
        >>> wilcoxon_test(np.array([1.0, 2.0, 3.0])).p  # two of eight patterns
        0.25
    """
    moved = differences[differences != 0]
    count = len(moved)
    if count == 0:
        return Significance(1.0, 1.0, "no pair differs")
    ranks = scipy.stats.rankdata(np.abs(moved))
    if len(np.unique(ranks)) == count and count <= EXACT_RANKS:
        p = scipy.stats.wilcoxon(moved, zero_method="wilcox", method="exact").pvalue
        return Significance(float(p), least_p(count), "exact")
    if 2**count <= EXACT_FLIPS:
        # With ties the ranks' own sign patterns are the null distribution.
        return sign_flip_test(np.sign(moved) * ranks, seed)._replace(method="exact, with ties")
    p = scipy.stats.wilcoxon(moved, zero_method="wilcox", correction=True, method="asymptotic").pvalue
    return Significance(float(p), least_p(count), "normal approximation")


def sign_flip_test(differences: Differences, seed: int = 0) -> Significance:
    """Paired permutation test of the mean, two-sided: every difference could as well have had the other sign.

    All 2^n sign patterns up to 14 pairs that differ, else 2^14 drawn ones (scipy.stats.permutation_test,
    permutation_type "samples"). Zeros change nothing and are left out. p is 1 where no difference is left.

    Examples:
        >>> import numpy as np
        >>> from ramify.comparison import sign_flip_test
        >>> sign_flip_test(np.array([1.0, 2.0, 3.0])).p  # two of eight patterns
        0.25
    """
    moved = differences[differences != 0]
    count = len(moved)
    if count <= 1:
        return Significance(1.0, 1.0, "exact" if count else "no pair differs")
    if 2**count <= EXACT_FLIPS:
        signs = 1.0 - 2.0 * (np.arange(2**count)[:, None] >> np.arange(count) & 1)
        # Sums are equal that would be but for the rounding of scores, however near to zero they are.
        reached = np.abs(signs @ moved) >= abs(moved.sum()) - ROUNDING * np.abs(moved).sum()
        return Significance(float(reached.mean()), least_p(count), "exact")
    p = scipy.stats.permutation_test(
        (moved,),
        lambda sample, axis: np.sum(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=EXACT_FLIPS,
        batch=max(1, DRAWN_AT_ONCE // count),
        rng=np.random.default_rng(seed),
    ).pvalue
    return Significance(float(p), max(least_p(count), 2 / (EXACT_FLIPS + 1)), f"{EXACT_FLIPS} random sign patterns")


def least_p(pairs: int) -> float:
    """The smallest two-sided p that n pairs can give by signs or signed ranks: 2 · 2^−n, all of them to one side.

    Args:
        pairs: pairs that differ, >= 0; without any, 1.
    """
    return min(1.0, math.ldexp(1.0, 1 - pairs))


def pairs_to_reach(level: float) -> int:
    """How many pairs it takes at least until p < level is possible, 0 < level <= 1."""
    pairs = max(1, math.ceil(1 - math.log2(level)))
    return pairs if least_p(pairs) < level else pairs + 1


def pairs_for_a_verdict(alpha: float) -> int:
    """The fewest pairs, whatever test decides: all to one side must be as rare as alpha by signs alone, 2^−n <= alpha.

    A t test gives any p from two pairs on, since it takes their differences as normal, which so few cannot show. Five
    pairs at alpha 0.05: 1/32.

    Args:
        alpha: in (0, 0.5), before any adjustment.
    """
    return max(2, math.ceil(-math.log2(alpha)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979), in the order given: the k-th smallest of m times m − k + 1.

    An adjusted p is never below that of a smaller p, and never above 1.

    Examples:
        >>> from ramify.comparison import holm
        >>> holm([0.5, 0.125, 0.25])  # 0.125 * 3, then 0.25 * 2
        [0.5, 0.375, 0.5]
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for done, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - done) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def cohen_dz(differences: Differences) -> float | None:
    """Mean difference over the differences' standard deviation (Cohen 1988); None where that is 0 or undefined.

    Examples:
        >>> import numpy as np
        >>> from ramify.comparison import cohen_dz
        >>> round(cohen_dz(np.array([1.0, 2.0, 3.0])), 3)  # mean 2, standard deviation 1
        2.0
    """
    if len(differences) < 2 or np.ptp(differences) == 0:
        return None
    return float(differences.mean() / differences.std(ddof=1))


def rank_biserial(differences: Differences) -> float | None:
    """(R+ − R−) / (R+ + R−), the signed ranks' balance (Kerby 2014), in [−1, 1]; None where no pair differs.

    Examples:
        >>> import numpy as np
        >>> from ramify.comparison import rank_biserial
        >>> round(rank_biserial(np.array([1.0, 2.0, -3.0])), 3)  # ranks 1 + 2 against 3
        0.0
    """
    moved = differences[differences != 0]
    if len(moved) == 0:
        return None
    ranks = scipy.stats.rankdata(np.abs(moved))
    return float((np.sign(moved) * ranks).sum() / ranks.sum())

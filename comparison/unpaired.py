"""What means and standard deviations alone say about a paired difference, as where a published table gives no more.

The spread of paired differences decides, and it hangs on how strongly the paired values are correlated, which such
tables do not say: sd_d² = sd_a² + sd_b² − 2 r sd_a sd_b. So every possible r is looked at.
"""

import math
from typing import NamedTuple

from scipy import stats

from ramify.comparison.statistics import Interval

ALPHA = 0.05


class PublishedValue(NamedTuple):
    """Mean and standard deviation as a table prints them."""

    mean: float
    sd: float


def differences_sd(sd_a: float, sd_b: float, correlation: float) -> float:
    """Standard deviation of paired differences from those of the two sides and their correlation in [−1, 1]."""
    # Rounding could make it barely negative where both sides move alike.
    return math.sqrt(max(0.0, sd_a**2 + sd_b**2 - 2 * correlation * sd_a * sd_b))


def paired_t_interval(difference: float, sd: float, pairs: int, level: float = 1 - ALPHA) -> Interval:
    """Student's interval of a mean paired difference; sd of the differences, pairs >= 2."""
    reach = stats.t.isf((1 - level) / 2, pairs - 1) * sd / math.sqrt(pairs)
    return Interval(difference - reach, difference + reach)


def paired_t_p(difference: float, sd: float, pairs: int) -> float:
    """Two-sided p of the paired t test; sd of the differences > 0, pairs >= 2."""
    return float(2 * stats.t.sf(abs(difference) / (sd / math.sqrt(pairs)), pairs - 1))


def largest_significant_sd(difference: float, pairs: int, alpha: float = ALPHA) -> float:
    """Standard deviation of the paired differences below which p < alpha."""
    return abs(difference) * math.sqrt(pairs) / float(stats.t.isf(alpha / 2, pairs - 1))


def correlation_needed(a: PublishedValue, b: PublishedValue, pairs: int, alpha: float = ALPHA) -> float | None:
    """Correlation of the paired values above which p < alpha.

    Returns:
        −1 where any correlation does; None where none does: even perfectly correlated values differ in spread, by
        |sd_a − sd_b| at least.
    """
    allowed = largest_significant_sd(a.mean - b.mean, pairs, alpha)
    if allowed <= abs(a.sd - b.sd):
        return None
    if a.sd == 0 or b.sd == 0:
        return -1.0
    return max(-1.0, (a.sd**2 + b.sd**2 - allowed**2) / (2 * a.sd * b.sd))


def spread_from_dice_and_jaccard(dice: float, jaccard: float, rounding: float = 0.0) -> Interval | None:
    """Standard deviation of Dice over cases, from the means of Dice and Jaccard over the same cases.

    Each case has J = D / (2 − D), which is convex: the mean of J exceeds the J of the mean D by about ½ J″ sd², with
    J″ = 4 / (2 − D)³. To second order, and only where both means are over cases.

    Args:
        dice, jaccard: means in [0, 1].
        rounding: half of the last digit printed; the ends of the result are the least and the greatest sd it allows.

    Returns:
        None where even the greatest gap is negative: not means over the same cases.
    """

    def squared(d: float, j: float) -> float:
        return (j - d / (2 - d)) * (2 - d) ** 3 / 2

    least, greatest = squared(dice + rounding, jaccard - rounding), squared(dice - rounding, jaccard + rounding)
    return None if greatest < 0 else Interval(math.sqrt(max(0.0, least)), math.sqrt(greatest))

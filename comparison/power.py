"""How many pairs it takes to see a difference of a given size."""

import math

import scipy

from ramify.comparison.cross_validation import deviations_needed
from ramify.comparison.statistics import pairs_to_reach

WILCOXON_EFFICIENCY = 3 / math.pi
"""Pairs the t test needs for one of Wilcoxon's signed-rank test, where differences are normal (Pitman)."""
MOST_PAIRS = 1_000_000
LARGEST_EFFECT = 1000.0
"""A larger effect is seen with the fewest pairs anyway, and SciPy's noncentral t gives NaN for the largest."""


def paired_t_power(effect: float, pairs: int, level: float, cross_validated: bool = False) -> float:
    """Probability that the two-sided paired t test finds a true effect: noncentral t with n − 1 degrees of freedom.

    Of folds, with the bound of the corrected test.

    Args:
        effect: true mean difference over the true standard deviation of the differences.
        pairs: n >= 2.
        level: of the test, in (0, 1).

    Examples:
        >>> from ramify.comparison import paired_t_power
        >>> round(paired_t_power(effect=0.5, pairs=34, level=0.05), 2)
        0.81
    """
    freedom, shift = pairs - 1, abs(effect) * math.sqrt(pairs)
    bound = deviations_needed(pairs, level, cross_validated) * math.sqrt(pairs)
    far = scipy.stats.nct.cdf(-bound, freedom, shift)
    # Here and there SciPy gives NaN for the tail on the wrong side, where there is next to nothing of it.
    return float(scipy.stats.nct.sf(bound, freedom, shift) + (0.0 if math.isnan(far) else far))


def pairs_needed(
    effect: float,
    level: float,
    power: float = 0.8,
    efficiency: float = 1.0,
    fewest: int | None = None,
    cross_validated: bool = False,
) -> int | None:
    """Pairs until the two-sided test finds an effect of this size with this probability, by the paired t approximation.

    Never fewer than the pairs below which no verdict is possible.

    Args:
        effect: as in `paired_t_power`; inf where all differences are equal.
        level: of the test after adjustment, in (0, 1).
        power: wanted probability, in (0, 1).
        efficiency: of the test used against the t test; `WILCOXON_EFFICIENCY` for signed ranks.
        fewest: pairs below which there is no verdict; None takes those with which a test by signs or ranks can reach
            the level.
        cross_validated: whether pairs are folds, which stay as large as they are.

    Returns:
        None without an effect, or for more than a million pairs.

    Examples:
        >>> from ramify.comparison import pairs_needed
        >>> pairs_needed(effect=0.5, level=0.05, power=0.8)
        34
    """
    least = pairs_to_reach(level) if fewest is None else fewest
    if effect == 0:
        return None
    if math.isinf(effect):
        # Differences without a spread are judged by their signs in any case.
        return pairs_to_reach(level)
    effect = min(abs(effect), LARGEST_EFFECT)
    enough = 2
    while paired_t_power(effect, enough, level, cross_validated) < power:
        enough *= 2
        if enough > 2 * MOST_PAIRS:
            return None
    low, high = max(2, enough // 2), enough
    while low < high:
        middle = (low + high) // 2
        seen = paired_t_power(effect, middle, level, cross_validated) >= power
        low, high = (low, middle) if seen else (middle + 1, high)
    found = max(least, math.ceil(low / efficiency))
    return found if found <= MOST_PAIRS else None

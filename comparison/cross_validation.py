"""What the folds of a cross-validation say, whose cases share networks, whose networks share training cases.

Under the null hypothesis it is the two networks of a fold that could as well change places, with all their cases. So a
fold's mean difference is one value, however many cases it has. And since two of F training sets have most of their
cases in common, the means of folds are correlated: Nadeau and Bengio (2003) add test cases / training cases, here
1 / (F - 1), to the 1 / F of the mean's variance.
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np
import scipy

from ramify.comparison.statistics import Differences, Interval, Significance, Values, sign_flip_test


def unit_means(values: Values, units: Sequence[Hashable]) -> Differences:
    """Mean of the values of each unit, in the order of their first mention; the order within a unit changes no bit.

    Args:
        values: (n,).
        units: (n,), the label of the unit that each value is part of.

    Raises:
        ValueError: another number of units than of values.
    """
    if len(values) != len(units):
        raise ValueError(f"units: expected one for each of the {len(values)} values, got {len(units)}")
    of_unit: dict[Hashable, list[float]] = {}
    for value, unit in zip(values, units):
        of_unit.setdefault(unit, []).append(float(value))
    return np.array([math.fsum(each) / len(each) for each in of_unit.values()])


def variance_factor(units: int, cross_validated: bool) -> float:
    """What the variance of one unit's difference is multiplied by for that of the mean of n >= 2 units.

    1/n of independent units; 1/n + 1/(n − 1) of the folds of a cross-validation (Nadeau and Bengio 2003), which is too
    much where some folds of it are left out.
    """
    return 1 / units + (1 / (units - 1) if cross_validated else 0.0)


def t_test(differences: Differences, cross_validated: bool = False) -> Significance:
    """Student's paired t test, two-sided; of folds with Nadeau and Bengio's correction.

    Unequal spread of the units' means, as of folds of unlike size, makes it stricter at levels up to 8 % (Bakirov and
    Székely 2005; Ibragimov and Müller 2010). Where all differences are the same there is no spread to measure them by,
    and the signs alone count.
    """
    count = len(differences)
    if count < 2:
        return Significance(1.0, 1.0, "a single pair has no spread")
    if np.ptp(differences) == 0:
        return sign_flip_test(differences)._replace(method="every difference the same: by signs")
    # Over the greatest, no square is too large or too small for a number.
    scaled = differences / np.abs(differences).max()
    error = float(scaled.std(ddof=1)) * math.sqrt(variance_factor(count, cross_validated))
    p = 2 * scipy.stats.t.sf(abs(float(scaled.mean())) / error, count - 1)
    # A p of 0 is one that no double holds.
    p = max(float(p), np.finfo(np.float64).tiny)
    return Significance(p, 0.0, "corrected for shared training cases" if cross_validated else "Student")


def t_interval(differences: Differences, level: float = 0.95, cross_validated: bool = False) -> Interval | None:
    """The mean difference's interval that belongs to `t_test`; None with fewer than two units.

    Where all differences are equal, that value twice.
    """
    count = len(differences)
    if count < 2:
        return None
    if np.ptp(differences) == 0:
        return Interval(float(differences[0]), float(differences[0]))
    greatest = float(np.abs(differences).max())
    scaled = differences / greatest
    mean, reach = float(scaled.mean()), deviations_needed(count, 1 - level, cross_validated) * float(scaled.std(ddof=1))
    return Interval((mean - reach) * greatest, (mean + reach) * greatest)


def deviations_needed(units: int, level: float, cross_validated: bool) -> float:
    """Size of the mean difference at which `t_test` has p = level, in standard deviations of the units' differences.

    Args:
        units: >= 2.
        level: in (0, 1).
    """
    return float(scipy.stats.t.isf(level / 2, units - 1)) * math.sqrt(variance_factor(units, cross_validated))

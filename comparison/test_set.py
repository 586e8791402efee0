"""What networks say that are all scored on the same cases, as on a test set: two things are left to luck.

A difference d_{nc} between the networks n of two methods on a case c is δ + a_n + b_c + e_{nc}: another training would
draw another a_n, and another test set another b_c. Networks are crossed with cases, so that the variance of the mean is
taken from both, as of readers and cases in radiology (Dorfman, Berbaum and Metz 1992; Hillis 2007):

    Var(mean) = (MS_n + max(0, MS_c − MS_e)) / (N C),    MS the mean squares of the two-way layout.

Its degrees of freedom are Satterthwaite's, but never more than 2 (N − 1), and N − 1 with fewer than four networks: of
few networks Satterthwaite's alone are too many, and two equal methods are told apart in up to 13 % of experiments.
"""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ramify.comparison.statistics import Differences, Interval, Significance, sign_flip_test

Grid = NDArray[np.float64]


FEW = 4
"""Networks below which the degrees of freedom are those of the networks at the most."""


class CrossedSpread(NamedTuple):
    """How the mean of a grid of differences varies.

    mean: of all differences.
    of_networks: variance of the mean that other trainings would make, falling with their number.
    of_cases: variance of the mean that other cases would make, which no number of networks makes smaller.
    freedom: degrees of freedom of both together.
    networks, cases: how many.
    """

    mean: float
    of_networks: float
    of_cases: float
    freedom: float
    networks: int
    cases: int

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return math.sqrt(self.of_networks + self.of_cases)


def as_grid(differences: Differences, networks: Sequence[Hashable], cases: Sequence[Hashable]) -> Grid:
    """Differences (n,) as (N, C), a row a network and a column a case; several values of one place are averaged.

    Raises ValueError where a network lacks a case.
    """
    rows, columns = (list(dict.fromkeys(labels)) for labels in (networks, cases))
    total, count = np.zeros((len(rows), len(columns))), np.zeros((len(rows), len(columns)))
    for value, network, case in zip(differences, networks, cases, strict=True):
        place = rows.index(network), columns.index(case)
        total[place] += value
        count[place] += 1
    if not count.all():
        row, column = np.argwhere(count == 0)[0]
        raise ValueError(f"{rows[row]} has no value for {columns[column]}: networks are compared on the cases of all")
    return total / count


def crossed_spread(grid: Grid) -> CrossedSpread:
    """How the mean of a grid (N, C) of differences varies; N >= 2. Of a single case, its own share is unknown: 0.

    Examples:
        >>> import numpy as np
        >>> from ramify.comparison.test_set import crossed_spread
        >>> spread = crossed_spread(np.array([[1.0, 2.0], [2.0, 3.0]]))  # networks and cases add up, and no more
        >>> spread.mean, spread.of_networks, spread.of_cases
        (2.0, 0.25, 0.25)
    """
    networks, cases = grid.shape
    mean, of_network, of_case = float(grid.mean()), grid.mean(axis=1), grid.mean(axis=0)
    ms_networks = cases * float(of_network.var(ddof=1))
    extra, uncertainty = 0.0, ms_networks**2 / (networks - 1)
    if cases > 1:
        left = grid - of_network[:, None] - of_case[None, :] + mean
        freedom = (networks - 1) * (cases - 1)
        ms_cases, ms_left = networks * float(of_case.var(ddof=1)), float((left**2).sum()) / freedom
        extra = max(0.0, ms_cases - ms_left)
        if extra:
            uncertainty += ms_cases**2 / (cases - 1) + ms_left**2 / freedom
    size = networks * cases
    freedom_of_both = _freedom(ms_networks + extra, uncertainty, networks)
    return CrossedSpread(mean, ms_networks / size, extra / size, freedom_of_both, networks, cases)


def _freedom(variance: float, uncertainty: float, networks: int) -> float:
    """Satterthwaite's degrees of freedom of a sum of mean squares, as far as the networks allow.

    uncertainty: sum of the squares of its parts, each over its own degrees of freedom.
    """
    most = (networks - 1.0) * (1 if networks < FEW else 2)
    return min(most, variance**2 / uncertainty) if uncertainty else most


def crossed_t_test(grid: Grid) -> Significance:
    """Two-sided t test of the mean of a grid (N, C) of differences, over networks and cases at once.

    Where all networks differ by the same there is no spread to measure them by, and the signs alone count.
    """
    if len(grid) < 2:
        return Significance(1.0, 1.0, "a single pair has no spread")
    scale = float(np.abs(grid).max())
    found = crossed_spread(grid / scale) if scale else None
    if found is None or not found.error:
        return sign_flip_test(grid.mean(axis=1))._replace(method="every difference the same: by signs")
    p = 2 * scipy.stats.t.sf(abs(found.mean) / found.error, found.freedom)
    return Significance(max(float(p), np.finfo(np.float64).tiny), 0.0, "over networks and cases")


def crossed_interval(grid: Grid, level: float = 0.95) -> Interval | None:
    """The mean's interval that belongs to `crossed_t_test`; None with fewer than two networks."""
    if len(grid) < 2:
        return None
    scale = float(np.abs(grid).max()) or 1.0
    found = crossed_spread(grid / scale)
    reach = float(scipy.stats.t.isf((1 - level) / 2, found.freedom)) * found.error
    return Interval((found.mean - reach) * scale, (found.mean + reach) * scale)


def networks_needed(
    spread: CrossedSpread, level: float, power: float, fewest: int = 2, most: int = 10_000
) -> int | None:
    """Networks until `crossed_t_test` finds a difference of the size seen with this probability, on as many cases.

    At least `fewest`, below which there is no verdict. None without a difference, or where no number of networks up to
    `most` is enough: then more cases are.
    """
    if not spread.mean:
        return None

    def seen(networks: int) -> bool:
        of_networks, of_cases = spread.of_networks * spread.networks / networks, spread.of_cases
        variance = of_networks + of_cases
        if not variance:
            return True
        uncertainty = of_networks**2 / (networks - 1) + (of_cases**2 / (spread.cases - 1) if of_cases else 0.0)
        freedom = _freedom(variance, uncertainty, networks)
        bound, shift = scipy.stats.t.isf(level / 2, freedom), abs(spread.mean) / math.sqrt(variance)
        return bool(scipy.stats.nct.sf(bound, freedom, min(shift, 1000.0)) >= power)

    if not seen(most):
        return None
    low, high = fewest, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if seen(middle) else (middle + 1, high)
    return low

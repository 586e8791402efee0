from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from scipy.stats import t, ttest_ind

from ramify.comparison.two_samples import permutation_test, welch_interval

ONE, OTHER = [3.1, 4.0, 5.2, 6.6], [1.0, 2.5, 3.0]


def test_every_way_to_part_the_cases_is_counted():
    both = np.array([*ONE, *OTHER])
    gap = abs(np.mean(ONE) - np.mean(OTHER))
    ways = [list(chosen) for chosen in combinations(range(7), 4)]
    gaps = np.array([abs(np.delete(both, way).mean() - both[way].mean()) for way in ways])
    expected = (gaps >= gap - 1e-9).mean()
    for one, other in ((ONE, OTHER), (OTHER, ONE)):
        found = permutation_test(one, other)
        assert found.p == pytest.approx(expected)
        assert found.method == "exact"
        assert found.p >= found.least_p == 1 / 35


def test_the_least_p_is_reached_by_groups_apart():
    for sizes in ((3, 3), (4, 3), (2, 5)):
        values, others = np.arange(sizes[0]) + 100.0, np.arange(sizes[1]) * 1.5
        found = permutation_test(values, others)
        assert found.p == pytest.approx(found.least_p)


def test_nothing_differs():
    assert permutation_test([1.0, 1.0], [1.0, 1.0]).p == 1
    assert welch_interval([2.0, 2.0], [1.0, 1.0]) == (1.0, 1.0)


def test_one_value_is_no_group():
    assert welch_interval([2.0], [1.0, 3.0]) is None
    assert permutation_test([2.0], [1.0, 3.0]) is None


def test_welchs_interval_by_its_formula():
    spreads = [np.var(group, ddof=1) / len(group) for group in (ONE, OTHER)]
    degrees = sum(spreads) ** 2 / sum(s**2 / (len(g) - 1) for s, g in zip(spreads, (ONE, OTHER)))
    half = t.ppf(0.975, degrees) * sqrt(sum(spreads))
    middle = np.mean(ONE) - np.mean(OTHER)
    assert welch_interval(ONE, OTHER) == pytest.approx((middle - half, middle + half))


def test_many_cases_are_drawn_and_repeat():
    rng = np.random.default_rng(0)
    groups = rng.normal(size=20), rng.normal(size=20)
    found = permutation_test(*groups)
    assert found == permutation_test(*groups)
    # Student's t approximates it; of 16,384 draws p has a standard error of 0.004 at most.
    assert found.p == pytest.approx(ttest_ind(*groups).pvalue, abs=0.03)
    assert found.method == "16384 draws"

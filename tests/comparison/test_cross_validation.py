import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from ramify.comparison.cross_validation import deviations_needed, t_interval, t_test, unit_means, variance_factor
from ramify.comparison.evidence import weigh
from ramify.comparison.statistics import paired_differences, sign_flip_test, wilcoxon_test

FOLDS, CASES = 5, 4
LABELS = np.repeat(range(FOLDS), CASES).tolist()

folds_of_cases = st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=4), min_size=2, max_size=6)


def in_folds(differences: list[list[int]]) -> tuple[np.ndarray, list[int]]:
    """Values of a variant whose reference is 0.5 in every case, and each one's fold."""
    labels = [fold for fold, cases in enumerate(differences) for _ in cases]
    return 0.5 + np.array([case for cases in differences for case in cases]) / 100, labels


def test_a_fold_counts_once_however_many_cases_it_has():
    assert unit_means([1.0, 2.0, 6.0, 4.0], ["x", "y", "y", "x"]).tolist() == [2.5, 4.0]
    with pytest.raises(ValueError, match="units: expected one for each of the 2 values, got 1"):
        unit_means([1.0, 2.0], ["x"])


def test_the_corrected_test_by_hand():
    """Differences 1 2 3 of three folds: mean 2, sd 1, variance of the mean 1/3 + 1/2, two degrees of freedom."""
    t = 2 / math.sqrt(5 / 6)
    # Student's distribution with two degrees of freedom has a closed form: p = 1 − t / √(2 + t²).
    assert t_test(np.array([1.0, 2.0, 3.0]), cross_validated=True).p == pytest.approx(1 - t / math.sqrt(2 + t * t))
    assert variance_factor(3, cross_validated=True) == pytest.approx(5 / 6)
    plain = t_test(np.array([1.0, 2.0, 3.0]))
    assert plain.p == pytest.approx(stats.ttest_1samp([1.0, 2.0, 3.0], 0).pvalue)


@pytest.mark.parametrize("cross_validated", [False, True])
def test_interval_and_test_are_one(cross_validated):
    differences = np.random.default_rng(3).normal(0.3, 1, 7)
    p = t_test(differences, cross_validated).p
    low, high = t_interval(differences, 1 - p, cross_validated)
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-9), "at the level of its p, an end of it is 0"
    assert (low + high) / 2 == pytest.approx(differences.mean())
    needed = deviations_needed(7, p, cross_validated) * differences.std(ddof=1)
    assert abs(differences.mean()) == pytest.approx(needed)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_no_scale_is_too_large_or_too_small(scale):
    differences = np.array([1.0, 2.0, 4.0])
    assert t_test(scale * differences, True).p == pytest.approx(t_test(differences, True).p)
    assert t_interval(scale * differences, 0.95, True) == pytest.approx(
        tuple(scale * end for end in t_interval(differences, 0.95, True))
    )


def test_equal_differences_are_judged_by_their_signs_and_one_fold_not_at_all():
    assert t_test(np.full(5, 0.25), True).p == 2 / 32
    assert t_interval(np.full(5, 0.25), 0.95, True) == (0.25, 0.25)
    assert t_test(np.array([0.25]), True).p == t_test(np.array([0.25]), True).least_p == 1.0
    assert t_interval(np.array([0.25]), 0.95, True) is None
    assert t_test(np.zeros(4), True).p == 1.0


@example([[-1], [5], [0, 0, -5], [0, 0, -5], [0, 0, -5]])  # sums that are equal but for their rounding
@given(folds_of_cases)
def test_signs_are_flipped_fold_by_fold(differences):
    """Every one of the 2^folds patterns, which change all cases of a fold together."""
    values, labels = in_folds(differences)
    found = weigh(values, np.full(len(values), 0.5), resamples=999, units=labels, cross_validated=True)
    means = np.array([np.mean(cases) for cases in differences]) / 100
    signs = np.array(list(itertools.product((-1, 1), repeat=len(means))))
    expected = float(np.mean(np.abs(signs @ means) >= abs(means.sum()) - 1e-9))
    assert found.permutation.p == pytest.approx(expected)
    assert found.pairs == len(differences)
    assert found.cases == len(values)


@given(folds_of_cases, st.randoms(use_true_random=False))
def test_the_order_of_cases_in_a_fold_changes_no_bit(differences, random):
    values, labels = in_folds(differences)
    shuffled, _ = in_folds([random.sample(cases, len(cases)) for cases in differences])
    reference = np.full(len(values), 0.5)
    first, again = (weigh(each, reference, units=labels, cross_validated=True) for each in (values, shuffled))
    assert first == again


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=8))
def test_one_case_a_fold_is_the_test_over_cases(differences):
    values, labels = in_folds([[value] for value in differences])
    reference = np.full(len(values), 0.5)
    found = weigh(values, reference, units=labels, cross_validated=True)
    alone = paired_differences(values, reference)
    assert (found.wilcoxon, found.permutation) == (wilcoxon_test(alone), sign_flip_test(alone))
    assert found.difference == alone.mean()


def rate_of_claims(shared: float, effect: float = 0.0, experiments: int = 2000) -> float:
    """How often the corrected test of folds has p < 0.05 where its networks have a share of the variance in common."""
    rng = np.random.default_rng(round(100 * shared))
    luck = math.sqrt(shared) * rng.normal(size=(experiments, FOLDS, 1))
    cases = math.sqrt(1 - shared) * rng.normal(size=(experiments, FOLDS, CASES))
    p = [t_test(unit_means(each.ravel(), LABELS), cross_validated=True).p for each in effect + luck + cases]
    return float(np.mean(np.array(p) < 0.05))


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
def test_two_trainings_of_one_method_are_seldom_called_different(shared):
    """At most 5 % by theory; the bound is what 2000 experiments of exactly 5 % exceed once in a thousand times."""
    assert rate_of_claims(shared) <= stats.binom.isf(0.001, 2000, 0.05) / 2000


def test_what_is_large_is_seen_in_five_folds():
    assert rate_of_claims(0.1, effect=2.0) > 0.9

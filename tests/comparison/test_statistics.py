import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ramify.comparison.statistics import (
    EXACT_FLIPS,
    Interval,
    bootstrap_coverage,
    bootstrap_interval,
    cohen_dz,
    holm,
    least_p,
    paired_differences,
    pairs_to_reach,
    rank_biserial,
    sign_flip_test,
    wilcoxon_test,
)

# Hamilton's depression scale at two visits (Hollander and Wolfe 1973, Table 3.1): V = 40 of 45, one-sided p = 10 / 512.
FIRST_VISIT = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
SECOND_VISIT = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]

some_differences = st.lists(st.integers(-5, 5), min_size=1, max_size=9).map(lambda values: np.array(values, float))


def two_sided_over_all_signs(weights: np.ndarray) -> float:
    """The share of sign patterns whose sum is as far from 0 as the one seen."""
    seen = abs(weights.sum()) - 1e-9
    patterns = np.array(list(itertools.product((-1, 1), repeat=len(weights))))
    return float(np.mean(np.abs(patterns @ np.abs(weights)) >= seen))


def test_wilcoxon_of_a_textbook():
    found = wilcoxon_test(paired_differences(FIRST_VISIT, SECOND_VISIT))
    assert found.p == 20 / 512
    assert found.method == "exact"


@pytest.mark.parametrize("count", [1, 2, 5, 6, 8, 20])
def test_the_least_p_of_wilcoxon_is_that_of_all_pairs_to_one_side(count: int):
    one_sided = np.arange(1.0, count + 1)
    found = wilcoxon_test(one_sided)
    assert found.p == found.least_p == least_p(count) == 2 / 2**count


def test_five_pairs_reach_a_sixteenth_and_six_go_below_five_per_cent():
    assert wilcoxon_test(np.array([0.1, 0.2, 0.3, 0.4, 0.5])).p == 0.0625
    assert sign_flip_test(np.array([0.1, 0.2, 0.3, 0.4, 0.5])).p == 0.0625
    assert pairs_to_reach(0.05) == 6


@pytest.mark.parametrize(("level", "pairs"), [(1.0, 2), (0.5, 3), (0.0625, 6), (0.05, 6), (0.05 / 4, 8), (1e-6, 21)])
def test_pairs_to_reach_a_level_are_the_fewest(level: float, pairs: int):
    assert pairs_to_reach(level) == pairs
    assert least_p(pairs) < level <= least_p(pairs - 1)


@given(some_differences)
def test_wilcoxon_with_ties_and_zeros_counts_every_sign_pattern_of_the_ranks(differences: np.ndarray):
    moved = differences[differences != 0]
    expected = two_sided_over_all_signs(np.sign(moved) * stats.rankdata(np.abs(moved))) if len(moved) else 1.0
    assert wilcoxon_test(differences).p == pytest.approx(expected)


@given(some_differences)
def test_sign_flips_count_every_pattern_of_the_differences(differences: np.ndarray):
    moved = differences[differences != 0]
    expected = two_sided_over_all_signs(moved) if len(moved) else 1.0
    assert sign_flip_test(differences).p == pytest.approx(expected)


@given(some_differences)
def test_no_test_minds_which_side_is_the_reference(differences: np.ndarray):
    assert wilcoxon_test(differences) == wilcoxon_test(-differences)
    assert sign_flip_test(differences) == sign_flip_test(-differences)


@given(some_differences)
def test_no_p_is_below_the_least_possible_one(differences: np.ndarray):
    for found in (wilcoxon_test(differences), sign_flip_test(differences)):
        assert found.least_p == least_p(int(np.count_nonzero(differences)))
        assert found.least_p <= found.p + 1e-12


def test_many_pairs_take_scipys_own_tests():
    differences = np.random.default_rng(0).normal(0.2, 1, 60)
    expected = stats.wilcoxon(differences, method="asymptotic", correction=True).pvalue
    assert wilcoxon_test(differences).p == expected
    assert wilcoxon_test(differences).method == "normal approximation"
    assert wilcoxon_test(differences[:50]).p == stats.wilcoxon(differences[:50], method="exact").pvalue
    tied = np.round(differences[:20], 1)
    assert len(np.unique(np.abs(tied))) < 20
    assert wilcoxon_test(tied).method == "normal approximation"


def test_random_sign_patterns_agree_with_the_t_test_where_differences_are_normal():
    differences = np.random.default_rng(1).normal(0.3, 1, 40)
    found = sign_flip_test(differences)
    expected = stats.ttest_1samp(differences, 0).pvalue
    # Two one-sided shares of EXACT_FLIPS draws; the tests themselves differ by less where n is 40.
    assert found.p == pytest.approx(expected, abs=4 * math.sqrt(expected / EXACT_FLIPS) + 0.1 * expected)
    assert found.least_p == 2 / (EXACT_FLIPS + 1)
    assert sign_flip_test(differences) == found
    assert len({sign_flip_test(differences, seed).p for seed in range(5)}) > 1


def test_the_interval_is_scipys_and_moves_with_the_data():
    differences = np.random.default_rng(2).gamma(2, 1, 15)
    low, high = bootstrap_interval(differences, seed=7)
    expected = stats.bootstrap((differences,), np.mean, method="BCa", rng=np.random.default_rng(7)).confidence_interval
    assert (low, high) == (expected.low, expected.high)
    assert low < differences.mean() < high
    assert bootstrap_interval(3 * differences + 1, seed=7) == pytest.approx((3 * low + 1, 3 * high + 1))
    narrow = bootstrap_interval(differences, level=0.8, seed=7)
    assert low < narrow.low < narrow.high < high


@pytest.mark.parametrize("pairs", [6, 20])
def test_intervals_hold_the_mean_as_often_as_said(pairs):
    samples = np.random.default_rng(pairs).normal(0, 1, (300, pairs))
    intervals = [bootstrap_interval(sample, resamples=999) for sample in samples]
    held = np.mean([interval.low <= 0 <= interval.high for interval in intervals])
    expected = bootstrap_coverage(pairs)
    assert held == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / len(samples)))


def test_coverage_nears_the_level_with_many_pairs():
    assert bootstrap_coverage(2) == pytest.approx(1 - 2 * stats.t.sf(stats.norm.ppf(0.975) / math.sqrt(2), 1))
    assert bootstrap_coverage(5) == pytest.approx(0.8455, abs=5e-5)
    assert bootstrap_coverage(10_000) == pytest.approx(0.95, abs=1e-4)


def test_equal_differences_have_an_interval_without_width_and_two_pairs_none():
    assert bootstrap_interval(np.full(5, 0.25)) == Interval(0.25, 0.25)
    assert bootstrap_interval(np.array([0.1, 0.2])) is None
    assert bootstrap_interval(np.array([])) is None


@pytest.mark.parametrize("scale", [1e-120, 1e200])
def test_an_interval_that_is_no_number_is_none(scale: float):
    assert bootstrap_interval(scale * np.arange(1.0, 9.0)) is None


def test_nothing_that_differs_is_p_one():
    assert wilcoxon_test(np.zeros(7)).p == sign_flip_test(np.zeros(7)).p == 1.0
    assert wilcoxon_test(np.array([])).p == sign_flip_test(np.array([])).p == 1.0
    assert sign_flip_test(np.array([0.0, 3.0])).p == 1.0


def test_what_arithmetic_alone_tells_apart_is_no_difference():
    assert 0.1 + 0.2 != 0.3
    differences = paired_differences([0.1 + 0.2, 0.5, 0.7], [0.3, 0.4, 0.6])
    assert differences[0] == 0
    assert differences[1] == differences[2], "0.5 - 0.4 and 0.7 - 0.6 are a tie"
    assert paired_differences([1e-13], [2e-13])[0] == pytest.approx(-1e-13)
    assert paired_differences([3e15], [1e15])[0] == 2e15
    assert paired_differences([0.0, 0.0], [0.0, 0.0]).tolist() == [0, 0]
    assert len(paired_differences([], [])) == 0


@pytest.mark.parametrize(
    ("values", "says"), [([1.0], "one length"), ([1.0, math.nan], "finite"), ([[1.0, 2.0]], "one length")]
)
def test_values_that_are_no_pairs_are_refused(values: list, says: str):
    with pytest.raises(ValueError, match=says):
        paired_differences(values, [1.0, 2.0])


def test_holm_by_hand():
    # In order .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, and no later one below an earlier one.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.0625] * 4) == [0.25] * 4
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1))
def test_holm_is_between_none_and_bonferroni_and_grows_with_every_p(p_values: list[float], higher: float):
    adjusted = holm(p_values)
    for p, after in zip(p_values, adjusted):
        assert p <= after <= min(1.0, len(p_values) * p) + 1e-12
    raised = [max(p_values[0], higher), *p_values[1:]]
    assert all(after <= later + 1e-12 for after, later in zip(adjusted, holm(raised)))


def test_effect_sizes_by_hand():
    differences = np.array([1.0, 2.0, 3.0, -1.5])
    assert cohen_dz(differences) == pytest.approx(1.125 / np.std([1, 2, 3, -1.5], ddof=1))
    assert rank_biserial(differences) == pytest.approx((1 + 3 + 4 - 2) / 10)
    assert rank_biserial(np.array([0.0, 0.3, 0.1])) == 1.0
    assert cohen_dz(np.array([0.2, 0.2, 0.2])) is None
    assert cohen_dz(np.array([0.2])) is None
    assert rank_biserial(np.zeros(3)) is None


@pytest.mark.parametrize("pairs", [5, 14, 40])
def test_how_many_values_are_drawn_at_a_time_changes_nothing(monkeypatch, pairs: int):
    differences = np.random.default_rng(3).normal(0.2, 1, pairs)
    whole = bootstrap_interval(differences), sign_flip_test(differences)
    monkeypatch.setattr("ramify.comparison.statistics.DRAWN_AT_ONCE", 20_000)
    assert (bootstrap_interval(differences), sign_flip_test(differences)) == whole


def test_many_pairs_do_not_fill_the_memory():
    differences = np.random.default_rng(3).normal(0.2, 1, 500)
    tracemalloc.start()
    try:
        sign_flip_test(differences)
        bootstrap_interval(differences)
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()

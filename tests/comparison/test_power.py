import math

import numpy as np
import pytest
from scipy import stats

from ramify.comparison.power import WILCOXON_EFFICIENCY, paired_t_power, pairs_needed


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_pairs_of_cohens_small_medium_and_large_effects(effect: float, pairs: int):
    """The well-known numbers of the paired t test, two-sided at 5 %, with 80 % power."""
    assert pairs_needed(effect, 0.05) == pairs_needed(-effect, 0.05) == pairs
    assert paired_t_power(effect, pairs - 1, 0.05) < 0.8 <= paired_t_power(effect, pairs, 0.05)


def test_power_is_the_share_of_samples_in_which_the_test_finds_the_effect():
    samples = np.random.default_rng(0).normal(0.6, 1, (4000, 20))
    found = np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05)
    expected = paired_t_power(0.6, 20, 0.05)
    assert found == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / len(samples)))


def test_power_without_an_effect_is_the_level():
    assert paired_t_power(0.0, 12, 0.05) == pytest.approx(0.05)


def test_an_adjusted_level_and_ranks_need_more_pairs():
    assert pairs_needed(0.5, 0.05 / 4) > pairs_needed(0.5, 0.05)
    assert pairs_needed(0.5, 0.05, power=0.9) == 44
    assert pairs_needed(0.5, 0.05, efficiency=WILCOXON_EFFICIENCY) == math.ceil(34 / WILCOXON_EFFICIENCY) == 36


def test_never_fewer_than_ranks_can_reach_the_level_with():
    assert pairs_needed(30.0, 0.05) == pairs_needed(math.inf, 0.05) == 6
    assert pairs_needed(math.inf, 0.05 / 4) == 8


def test_no_effect_or_a_minute_one_has_no_number():
    assert pairs_needed(0.0, 0.05) is None
    assert pairs_needed(1e-6, 0.05) is None


def test_a_tail_that_scipy_cannot_tell_counts_as_none():
    """Its noncentral t has NaN for the far tail of some arguments, which must not pass for power, nor for its lack."""
    assert pairs_needed(1.2, 0.05 / 32) == 17
    assert paired_t_power(1.2, 16, 0.05 / 32) < 0.8 <= paired_t_power(1.2, 17, 0.05 / 32)
    assert pairs_needed(0.0166, 1e-4) == 81275
    assert pairs_needed(1.93, 0.05 / 16) == 10, "below them no test by ranks reaches the level"


@pytest.mark.parametrize("effect", [1.42083, 0.0535566, 2.2695, 12.6638])
def test_power_is_that_of_the_noncentral_f_distribution(effect: float):
    """t² is distributed so, and there SciPy's own numbers are of another code."""
    for pairs in (2, 3, 4, 16, 32, 256, 16384):
        squared = stats.ncf.sf(stats.t.isf(0.00625 / 2, pairs - 1) ** 2, 1, pairs - 1, effect**2 * pairs)
        assert paired_t_power(effect, pairs, 0.00625) == pytest.approx(squared, abs=1e-9)


def test_differences_that_hardly_spread_need_the_fewest_pairs():
    assert pairs_needed(1e11, 0.05) == pairs_needed(-1e11, 0.05) == 6

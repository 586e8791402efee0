import numpy as np
import pytest
from scipy import stats

from ramify.report.intervals import ENOUGH_CASES, caution, mean_interval

VALUES = [0.61, 0.72, 0.74, 0.78, 0.81, 0.83, 0.84, 0.9]


def test_interval_is_scipys():
    found = mean_interval(VALUES)
    expected = stats.bootstrap((VALUES,), np.mean, method="BCa", n_resamples=9999, rng=np.random.default_rng(0))
    assert (found.low, found.high) == tuple(expected.confidence_interval)
    assert (found.mean, found.count) == (pytest.approx(np.mean(VALUES)), 8)


def test_interval_moves_and_grows_with_the_values():
    one, other = mean_interval(VALUES), mean_interval([10 + 3 * value for value in VALUES])
    assert (other.low, other.high) == pytest.approx((10 + 3 * one.low, 10 + 3 * one.high), abs=1e-3)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.7]])
def test_too_few_values_have_no_interval(values):
    found = mean_interval(values)
    assert (found.low, found.high, found.count) == (None, None, len(values))
    assert found.mean == (pytest.approx(sum(values) / len(values)) if values else None)
    assert "no interval" in caution(len(values))


def test_equal_values_have_one_without_width():
    assert mean_interval([0.4] * 6) == mean_interval([0.4] * 6).__class__(pytest.approx(0.4), 0.4, 0.4, 6)


def test_few_cases_are_cautioned_about_and_many_are_not():
    """Five normal values: |t| with 4 degrees of freedom stays below 1.96 sqrt(4/5) in 85 % of samples."""
    words = caution(5)
    assert "85%" in words
    assert f"{2 * stats.t.cdf(1.959964 * np.sqrt(4 / 5), 4) - 1:.0%}" == "85%"
    assert caution(ENOUGH_CASES) == ""

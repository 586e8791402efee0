"""Letter values, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.drawing.letter_values import letter_values


def test_eleven_values_have_their_median_and_fourths_at_depths_six_and_three_and_a_half():
    values = [24, 3, 5, 10, 13, 6, 16, 22, 4, 19, 17]
    # In order: 3 4 5 6 10 13 16 17 19 22 24; depth of the fourths (1 + 6) / 2 = 3.5.
    result = letter_values(values)
    assert result.median == 13
    assert result.lower == (5.5,)
    assert result.upper == (18.0,)
    assert result.outliers == (3, 4, 5, 19, 22, 24)


def test_a_thousand_values_have_eight_letter_values():
    # log2(1000 / (2 * 1.96^2)) = 7.02, and one more: median, fourths, eighths … down to depth 4.5 of 1000.
    result = letter_values(np.arange(1, 1001))
    assert len(result.lower) == len(result.upper) == 7
    assert result.median == 500.5
    # Depths by hand: 500.5, 250.5, 125.5, 63, 32, 16.5, 8.5, 4.5.
    assert result.lower == (250.5, 125.5, 63.0, 32.0, 16.5, 8.5, 4.5)
    assert result.upper == tuple(1001 - value for value in result.lower)
    assert result.outliers == (1, 2, 3, 4, 997, 998, 999, 1000)


def test_one_value_is_its_own_median_and_fourths():
    result = letter_values([7.5])
    assert (result.median, result.lower, result.upper, result.outliers) == (7.5, (7.5,), (7.5,), ())


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_no_sample_is_refused(values):
    with pytest.raises(ValueError, match="expected a sample of finite numbers"):
        letter_values(values)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_they_move_outwards_and_mirror(values):
    result = letter_values(values)
    chain = [*reversed(result.lower), result.median, *result.upper]
    assert chain == sorted(chain)
    mirrored = letter_values([-value for value in values])
    assert mirrored.lower == tuple(-value for value in result.upper)
    assert all(value < result.lower[-1] or value > result.upper[-1] for value in result.outliers)

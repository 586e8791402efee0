import numpy as np
import pytest

from ramify.drawing.ruler import ruler_length


@pytest.mark.parametrize(("most", "length"), [(1, 1), (1.99, 1), (4.9, 2), (5, 5), (37, 20), (0.03, 0.02)])
def test_the_longest_round_length_is_taken(most, length):
    assert ruler_length(most) == pytest.approx(length)


@pytest.mark.parametrize("power", [0.001, 0.1, 1.0, 10.0, 1000.0])
def test_a_power_of_ten_that_lost_its_last_digit_is_still_one(power):
    assert ruler_length(float(np.nextafter(power, 0))) in (pytest.approx(power), pytest.approx(power / 2))

"""The learning rate as a function of the epoch."""

import pytest

from training.schedule import learning_rate


def test_constant_does_not_fall():
    assert [learning_rate("constant", 0.1, epoch, 4) for epoch in range(4)] == [0.1] * 4


def test_cosine_falls_from_all_over_half_to_nearly_nothing():
    assert learning_rate("cosine", 0.1, 0, 100) == 0.1
    assert learning_rate("cosine", 0.1, 50, 100) == pytest.approx(0.05)
    assert learning_rate("cosine", 0.1, 99, 100) == pytest.approx(0.1 * 0.000246719, rel=1e-4)


def test_polynomial():
    assert learning_rate("polynomial", 0.1, 0, 10) == 0.1
    assert learning_rate("polynomial", 0.1, 5, 10) == pytest.approx(0.1 * 0.5**0.9)

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from ramify.metrics.transport import mean_transport_mm


def test_a_shift_costs_its_length():
    points = np.random.default_rng(0).random((40, 3))
    assert mean_transport_mm(points + np.array([3.0, 4.0, 0.0]), points) == pytest.approx(5.0)


def test_pairs_are_chosen_for_all_not_one_by_one():
    # The nearest neighbour of both points on the left is the same.
    first, second = np.array([[0.0, 0.0], [0.0, 3.0]]), np.array([[0.0, 1.0], [0.0, 10.0]])
    assert mean_transport_mm(first, second) == pytest.approx((1 + 7) / 2)


@given(st.integers(0, 2**16), st.integers(1, 6))
def test_no_permutation_is_cheaper(seed: int, n: int):
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, 4, (2, n, 2)).astype(float)
    costs = cdist(first, second)
    best = min(costs[np.arange(n), list(order)].mean() for order in itertools.permutations(range(n)))
    assert mean_transport_mm(first, second) == pytest.approx(best, abs=1e-8)


@settings(deadline=None)
@given(st.integers(0, 2**16), st.sampled_from([2, 3]), st.sampled_from([0.0, 0.5, 50.0]))
def test_agrees_with_the_hungarian_method(seed: int, ndim: int, apart: float):
    generator = np.random.default_rng(seed)
    first, second = generator.random((80, ndim)), generator.random((80, ndim)) ** 2 + apart
    costs = cdist(first, second)
    assert mean_transport_mm(first, second) == pytest.approx(
        costs[linear_sum_assignment(costs)].mean(), abs=2e-9 * costs.max()
    )


@given(arrays(float, (2, 30), elements=st.floats(-100, 100)))
def test_on_a_line_it_is_the_distance_of_distributions(places: np.ndarray):
    on_a_line = np.zeros((2, 30, 3))
    on_a_line[:, :, 1] = places
    expected = wasserstein_distance(*places)
    assert mean_transport_mm(*on_a_line) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(st.integers(0, 2**16))
def test_symmetric_and_twice_as_far_on_twice_the_scale(seed: int):
    first, second = np.random.default_rng(seed).random((2, 50, 3))
    there = mean_transport_mm(first, second)
    assert mean_transport_mm(second, first) == pytest.approx(there, abs=1e-8)
    assert mean_transport_mm(2 * first, 2 * second) == 2 * there


def test_points_on_one_another_cost_nothing():
    points = np.repeat([[1.0, 2.0]], 20, axis=0)
    assert mean_transport_mm(points, points) == 0.0
    assert mean_transport_mm(points, points + np.array([0.0, 1.0])) == pytest.approx(1.0)


@pytest.mark.parametrize(("first", "second"), [((3, 2), (4, 2)), ((0, 2), (0, 2)), ((3, 2), (3, 3))])
def test_sets_that_do_not_match_are_refused(first: tuple[int, int], second: tuple[int, int]):
    with pytest.raises(ValueError, match="expected two sets of one shape"):
        mean_transport_mm(np.zeros(first), np.zeros(second))

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.vessels.point_index import PointIndex

SPACINGS = {2: (2.0, 0.7), 3: (2.5, 0.7, 1.1)}


@st.composite
def points_and_queries(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    ndim = draw(st.integers(2, 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    reach = draw(st.sampled_from([2, 6, 40]))
    points, queries = (generator.integers(0, reach, (draw(st.integers(1, 60)), ndim)) for _ in range(2))
    # Questions may come from outside the volume.
    return points, queries - draw(st.integers(0, 3))


def every_distance_mm(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    offsets = (queries[:, None] - points[None]) * np.array(SPACINGS[points.shape[1]])
    return np.sqrt(np.square(offsets).sum(axis=-1)).min(axis=1)


@settings(deadline=None)
@given(points_and_queries())
def test_distances_are_the_least_of_all(case: tuple[np.ndarray, np.ndarray]):
    points, queries = case
    index = PointIndex(points, SPACINGS[points.shape[1]])
    expected = every_distance_mm(queries, points)
    assert index.distances_mm(queries) == pytest.approx(expected)
    assert index.greatest_distance_mm(queries) == pytest.approx(expected.max())


@settings(deadline=None)
@given(points_and_queries(), st.floats(0, 30))
def test_within_is_by_distance(case: tuple[np.ndarray, np.ndarray], limit_mm: float):
    points, queries = case
    index = PointIndex(points, SPACINGS[points.shape[1]])
    expected = every_distance_mm(queries, points)
    clear = np.abs(expected - limit_mm) > 1e-6
    assert np.array_equal(index.within(queries, limit_mm)[clear], (expected <= limit_mm)[clear])


@settings(deadline=None)
@given(points_and_queries())
def test_points_are_those_given_in_the_order_told(case: tuple[np.ndarray, np.ndarray]):
    points, _ = case
    index = PointIndex(points, SPACINGS[points.shape[1]])
    assert np.array_equal(index.points[:, 3 - points.shape[1] :], points[index.order])
    assert not index.distances_mm(points).any()
    assert index.within(points, 0.0).all()


def test_a_limit_holds_in_spite_of_rounding():
    index = PointIndex(np.array([[0, 0]]), (0.1, 0.1))
    # In floating point 3 * 0.1 is more than 0.3.
    assert 3 * 0.1 > 0.3
    assert index.within(np.array([[0, 3], [0, 4]]), 0.3).tolist() == [True, False]


def test_no_points_are_infinitely_far():
    index = PointIndex(np.empty((0, 3), dtype=int), (1.0, 1.0, 1.0))
    queries = np.array([[1, 2, 3]])
    assert index.distances_mm(queries).tolist() == [math.inf]
    assert index.greatest_distance_mm(queries) == math.inf
    assert index.within(queries, 1e9).tolist() == [False]
    assert index.greatest_distance_mm(queries[:0]) == 0.0


def test_no_queries_have_no_answers():
    index = PointIndex(np.array([[1, 2, 3]]), (1.0, 1.0, 1.0))
    nothing = np.empty((0, 3), dtype=int)
    assert index.distances_mm(nothing).shape == (0,)
    assert index.greatest_distance_mm(nothing) == 0.0


def test_a_bad_spacing_is_refused():
    with pytest.raises(ValueError, match="spacing_mm: expected 2 positive numbers"):
        PointIndex(np.array([[1, 2]]), (1.0, 0.0))

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ramify.vessels.nearest_rank import nearest_by_rank


@settings(deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 60), st.sampled_from([2, 3]))
def test_agrees_with_looking_at_all(seed: int, n: int, ndim: int):
    generator = np.random.default_rng(seed)
    spacing = (0.1, 0.3, 0.7)[:ndim]
    points, queries = generator.integers(0, 7, (n, ndim)), generator.integers(0, 9, (40, ndim))
    ranks = generator.integers(0, 5, n)
    found, distance_mm = nearest_by_rank(queries, points, ranks, spacing)
    all_mm = np.linalg.norm((queries[:, None] - points) * np.array(spacing), axis=2)
    np.testing.assert_allclose(distance_mm, all_mm.min(axis=1), atol=1e-9)
    np.testing.assert_allclose(all_mm[np.arange(40), found], all_mm.min(axis=1), atol=1e-9)
    lowest = [ranks[row <= row.min() * (1 + 1e-9)].min() for row in all_mm]
    np.testing.assert_array_equal(ranks[found], lowest)


def test_no_queries():
    found, distance_mm = nearest_by_rank(
        np.empty((0, 3), dtype=int), np.zeros((1, 3), dtype=int), np.zeros(1), (1, 1, 1)
    )
    assert len(found) == len(distance_mm) == 0


def test_a_point_is_nearest_to_itself():
    points = np.array([[3, 4], [3, 5], [0, 0]])
    found, distance_mm = nearest_by_rank(points, points, np.arange(3), (1.0, 2.0))
    assert found.tolist() == [0, 1, 2]
    assert distance_mm.tolist() == [0, 0, 0]

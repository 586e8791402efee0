"""How near segments come to each other, against places along both tried one by one."""

import numpy as np
import pytest

from ramify.vessels.segments import segment_distance


def vector(*parts: float) -> np.ndarray:
    return np.array(parts, dtype=float)


@pytest.mark.parametrize(
    ("start", "way", "other_start", "other_way", "apart"),
    [
        # Crossing, passing each other, beside each other, one beyond the other's end, and points.
        ((0, 0), (2, 2), (0, 2), (2, -2), 0),
        ((0, 0, 0), (4, 0, 0), (2, -1, 3), (0, 2, 0), 3),
        ((0, 0, 0), (4, 0, 0), (1, 2, 0), (5, 0, 0), 2),
        ((0, 0, 0), (4, 0, 0), (7, 4, 0), (5, 0, 0), 5),
        ((0, 0, 0), (4, 0, 0), (2, 3, 0), (0, 0, 0), 3),
        ((1, 1, 1), (0, 0, 0), (1, 1, 3), (0, 0, 0), 2),
    ],
)
def test_by_hand(start, way, other_start, other_way, apart):
    one, other = (vector(*start), vector(*way)), (vector(*other_start), vector(*other_way))
    assert segment_distance(*one, *other) == pytest.approx(apart)
    assert segment_distance(*other, *one) == pytest.approx(apart)


def test_at_random():
    rng = np.random.default_rng(0)
    along = np.linspace(0, 1, 201)[:, None]
    for start, way, other_start, other_way in rng.normal(size=(20, 4, 3)):
        gaps = (start + along * way)[:, None] - (other_start + along * other_way)
        tried = float(np.linalg.norm(gaps, axis=-1).min())
        assert segment_distance(start, way, other_start, other_way) == pytest.approx(tried, abs=0.02)

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from ramify.vessels.wall import Wall


class TestWall:
    def test_is_the_distance_transform(self):
        mask = np.random.default_rng(0).random((9, 8, 7)) < 0.7
        spacing = (2.0, 0.7, 1.0)
        expected = distance_transform_edt(mask, sampling=spacing)[mask]
        assert Wall(mask, spacing).distance_mm(np.argwhere(mask) * np.array(spacing)) == pytest.approx(
            expected, abs=1e-5
        )

    def test_the_end_of_the_volume_is_no_wall(self):
        tube = np.zeros((5, 15, 15), dtype=bool)
        tube[:, 3:12, 3:12] = True
        assert Wall(tube, (1.0, 1.0, 1.0)).distance_mm(np.array([[0.0, 7.0, 7.0]])).tolist() == [5.0]

    def test_without_background_it_is(self):
        assert Wall(np.ones((5, 9), dtype=bool), (1.0, 1.0)).distance_mm(np.array([[2.0, 4.0]])).tolist() == [3.0]

"""Windows lie where they should, and every place is drawn as often as another."""

import numpy as np
import pytest

from ramify.data.windows import anywhere, in_the_middle, on_voxel


def start_of(centre, window):
    return tuple(np.array(centre) - (np.array(window) - 1) / 2)


@pytest.mark.parametrize(("shape", "window"), [((12, 8), (8, 8)), ((9, 12, 8), (9, 8, 8)), ((5, 11), (8, 7))])
def test_every_place_anywhere_is_drawn_as_often(shape, window):
    random = np.random.default_rng(0)
    starts = np.array([start_of(anywhere(shape, window, random), window) for _ in range(2000)])
    for axis, (n, m) in enumerate(zip(shape, window, strict=True)):
        places, counts = np.unique(starts[:, axis], return_counts=True)
        if n <= m:
            assert places.tolist() == [(n - m) // 2]
            continue
        # Each as often as another, give or take five standard deviations.
        assert places.tolist() == list(range(n - m + 1))
        share = 1 / len(places)
        assert np.abs(counts - 2000 * share).max() < 5 * np.sqrt(2000 * share * (1 - share))


@pytest.mark.parametrize("window", [1, 2, 3, 8, 9])
def test_windows_on_neighbouring_voxels_are_neighbours(window):
    """With a half rounded to the even number, each window of even size began at an even voxel."""
    starts = [start_of(on_voxel((voxel,), (window,)), (window,))[0] for voxel in range(12)]
    assert np.diff(starts).tolist() == [1.0] * 11
    assert starts[0] == -(window // 2)


@pytest.mark.parametrize(
    ("shape", "window", "first"),
    [((8, 8), (8, 8), (0, 0)), ((7, 10), (8, 8), (-1, 1)), ((3, 3, 3), (8, 1, 2), (-3, 1, 0))],
)
def test_the_window_in_the_middle(shape, window, first):
    assert start_of(in_the_middle(shape, window), window) == first

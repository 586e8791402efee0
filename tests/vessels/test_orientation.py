import itertools

import numpy as np
import pytest

from ramify.vessels.orientation import Orientation, own_orientation


def test_mirrored_and_transposed_copies_lie_alike():
    mask = np.random.default_rng(1).random((7, 8, 9)) < 0.3
    spacing = (1.0, 2.0, 1.0)
    laid = own_orientation(mask, spacing).lay(mask)
    for axes in itertools.permutations(range(3)):
        for backwards in itertools.product((1, -1), repeat=3):
            copy = mask.transpose(axes)[tuple(slice(None, None, step) for step in backwards)]
            sizes = tuple(spacing[axis] for axis in axes)
            own = own_orientation(copy, sizes)
            assert np.array_equal(own.lay(copy), laid)
            assert own.lay_sizes(sizes) == (2.0, 1.0, 1.0)


def test_what_is_written_lands_in_the_array_as_stored():
    array = np.zeros((2, 3, 4))
    laid = Orientation((2, 0, 1), (True, False, True)).lay(array)
    assert laid.shape == (4, 2, 3)
    laid[0, 0, 0] = 1
    assert array[1, 0, 3] == 1


@pytest.mark.parametrize("shape", [(5, 5), (4, 4, 4)])
def test_symmetric_mask_stays(shape):
    mask = np.ones(shape, dtype=bool)
    own = own_orientation(mask, (1.0,) * len(shape))
    assert own == Orientation(tuple(range(len(shape))), (False,) * len(shape))

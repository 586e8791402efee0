import itertools

import numpy as np
import pytest

from ramify.vessels.orientation import Orientation, own_orientation, own_orientations


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


def test_sizes_that_a_file_has_rounded_are_alike():
    """As of an oblique NIfTI, whose spacing comes from float32."""
    mask = np.random.default_rng(1).random((7, 8, 9)) < 0.3
    alike = own_orientation(mask, (1.0, 1.0, 1.0))
    for spacing in itertools.permutations((1.0, 0.9999999948352141, 1.0000000223)):
        assert own_orientation(mask, spacing) == alike
        assert own_orientations(mask, spacing) == own_orientations(mask, (1.0, 1.0, 1.0))


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


def test_every_copy_has_the_same_own_array():
    """Whatever leaves a choice: alike slices, symmetry, an empty mask, a single slice."""
    random = np.random.default_rng(2).random((5, 5, 5)) < 0.3
    halves = np.zeros((6, 6, 6), dtype=bool)
    halves[:3, :3, :3] = halves[3:, 3:, 3:] = True
    shifted = np.zeros((7, 9, 9), dtype=bool)
    shifted[1:3, 2:5, 3:6] = True
    for mask in (random, halves, shifted, halves & False, random[:1], np.ones((2, 3, 4), dtype=bool)):
        own = []
        for axes in itertools.permutations(range(3)):
            for steps in itertools.product((1, -1), repeat=3):
                copy = mask.transpose(axes)[tuple(slice(None, None, step) for step in steps)]
                own += [pose.lay(copy) for pose in own_orientations(copy, (1.0, 1.0, 1.0))]
        assert all(np.array_equal(array, own[0]) for array in own)


def test_a_symmetric_mask_has_as_many_poses_as_symmetries():
    assert len(own_orientations(np.ones((4, 4, 4), dtype=bool), (1.0, 1.0, 1.0))) == 48
    assert len(own_orientations(np.ones((4, 4, 4), dtype=bool), (2.0, 1.0, 1.0))) == 16
    assert len(own_orientations(np.random.default_rng(0).random((5, 6, 7)) < 0.5, (1.0, 1.0, 1.0))) == 1


def test_another_mask_chooses_among_the_poses():
    ball = np.zeros((5, 5), dtype=bool)
    ball[1:4, 1:4] = True
    mark = np.zeros_like(ball)
    mark[1, 3] = True
    poses = own_orientations(mark, (1.0, 1.0), own_orientations(ball, (1.0, 1.0)))
    assert len(poses) == 2  # mirrored about the diagonal the mark lies on
    assert len({pose.lay(mark).tobytes() for pose in poses}) == 1


def test_a_single_slice_comes_first():
    flat = np.ones((6, 1, 5), dtype=bool)
    assert own_orientations(flat, (3.0, 1.0, 1.0))[0].lay(flat).shape[0] == 1


def test_back_as_stored():
    array = np.arange(24).reshape(2, 3, 4)
    pose = Orientation((2, 0, 1), (True, False, True))
    laid = pose.lay(array)
    assert np.array_equal(pose.restore(laid), array)
    assert pose.restore_sizes(laid.shape) == array.shape
    points = np.argwhere(laid >= 0)
    back = pose.restore_points(points, np.array(array.shape) - 1)
    assert np.array_equal(array[tuple(back.T)], laid[tuple(points.T)])

import itertools

import numpy as np
import pytest

from ramify.data.lattice import copy_onto, foreground_box, place_on_lattice, share_outside
from ramify.data.volume import Volume

SPACING, ORIGIN = (2.0, 0.75, 0.5), (10.0, -20.0, 5.0)
SCAN = Volume(np.random.default_rng(0).integers(0, 9, (5, 6, 7)).astype(np.uint8), SPACING, ORIGIN)


def stored(volume: Volume, axes: tuple[int, ...], flips: tuple[bool, ...]) -> Volume:
    """The same voxels in the same place, stored with other axes and directions."""
    array = volume.array.transpose(axes)
    direction = np.array(volume.direction)[:, axes]
    spacing = np.array(volume.spacing_mm)[list(axes)]
    origin = np.array(volume.origin_mm)
    for axis in np.flatnonzero(flips):
        origin = origin + direction[:, axis] * spacing[axis] * (array.shape[axis] - 1)
        direction[:, axis] *= -1
    array = array[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    return Volume(array.copy(), tuple(spacing), tuple(origin), tuple(map(tuple, direction)))


def crop(volume: Volume, box: tuple[slice, ...]) -> Volume:
    first = [part.start for part in box]
    return Volume(volume.array[box], volume.spacing_mm, tuple(volume.world_mm([first])[0]), volume.direction)


def test_a_crop_is_copied_back_however_it_is_stored():
    box = (slice(1, 4), slice(2, 6), slice(0, 3))
    expected = np.zeros_like(SCAN.array)
    expected[box] = SCAN.array[box]
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((False, True), repeat=3):
            part = stored(crop(SCAN, box), axes, flips)
            place = place_on_lattice(part, SCAN)
            assert place is not None
            assert place.box(part.shape) == ((1, 4), (2, 6), (0, 3))
            np.testing.assert_array_equal(copy_onto(part, SCAN, place), expected)


def test_what_lies_outside_is_left_out():
    larger = Volume(np.pad(SCAN.array, 2), SPACING, tuple(SCAN.world_mm([(-2, -2, -2)])[0]))
    place = place_on_lattice(larger, SCAN)
    assert place is not None
    assert place.start == (-2, -2, -2)
    np.testing.assert_array_equal(copy_onto(larger, SCAN, place), SCAN.array)
    far = Volume(SCAN.array, SPACING, tuple(SCAN.world_mm([(0, 50, 0)])[0]))
    far_place = place_on_lattice(far, SCAN)
    assert far_place is not None
    assert not copy_onto(far, SCAN, far_place).any()


@pytest.mark.parametrize(
    ("spacing_mm", "origin_mm"),
    [(SPACING, (10.0, -20.0, 5.2)), ((2.0, 0.75, 0.55), ORIGIN), ((1.0, 0.75, 0.5), ORIGIN)],
)
def test_voxels_between_voxels_are_on_no_lattice(spacing_mm, origin_mm):
    assert place_on_lattice(Volume(SCAN.array, spacing_mm, origin_mm), SCAN) is None


def test_a_float32_header_is_on_the_lattice():
    origin = tuple(float(np.float32(value + 1e-4)) for value in ORIGIN)
    assert place_on_lattice(Volume(SCAN.array, SPACING, origin), SCAN) is not None


def test_share_and_box_of_the_foreground():
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:3] = True
    volume = Volume(mask, (1.0, 1.0), (0.0, 2.0))
    field = Volume(np.zeros((4, 4)), (1.0, 1.0))
    assert share_outside(volume, field) == 0.5
    assert share_outside(volume.with_array(np.zeros_like(mask)), field) == 0.0
    assert foreground_box(volume, field) == ((1, 3), (3, 5))
    assert foreground_box(volume, Volume(np.zeros((4, 4)), (0.5, 0.5))) == ((1, 6), (5, 10))
    assert foreground_box(volume.with_array(np.zeros_like(mask)), field) is None

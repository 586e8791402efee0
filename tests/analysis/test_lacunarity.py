from itertools import product

import numpy as np
import pytest

from ramify.analysis import gliding_box_lacunarity


def by_hand(mask: np.ndarray, side: int) -> float:
    """Every box of so many voxels a side, one by one."""
    places = product(*(range(size - side + 1) for size in mask.shape))
    held = [mask[tuple(slice(at, at + side) for at in place)].sum() for place in places]
    return float(np.square(held).mean() / np.mean(held) ** 2)


def speckled(shape: tuple[int, ...]) -> np.ndarray:
    mask = np.random.default_rng(3).random(shape) < 0.2
    mask[(0,) * mask.ndim] = mask[(-1,) * mask.ndim] = True
    return mask


@pytest.mark.parametrize("shape", [(19, 16), (17, 9, 16)])
def test_boxes_are_counted_one_by_one(shape):
    mask = speckled(shape)
    found = gliding_box_lacunarity(np.pad(mask, 3), (1.0,) * mask.ndim)
    assert found == pytest.approx({side: by_hand(mask, int(side)) for side in found})
    assert list(found) == [2.0, 4.0]


def test_a_side_is_as_long_in_mm_along_every_axis():
    fine = speckled((32, 32))
    # Each voxel halved along one axis.
    halved = np.repeat(fine, 2, axis=0)
    assert gliding_box_lacunarity(halved, (0.5, 1.0))[4.0] == pytest.approx(
        gliding_box_lacunarity(fine, (1.0, 1.0))[4.0], rel=0.02
    )


@pytest.mark.parametrize("most_cells", [2**22, 300])
def test_mirrored_and_transposed_masks_are_alike(most_cells):
    mask = speckled((30, 27))
    found = gliding_box_lacunarity(mask, (1.0, 1.5), most_cells)
    assert found
    assert gliding_box_lacunarity(mask[::-1], (1.0, 1.5), most_cells) == pytest.approx(found)
    assert gliding_box_lacunarity(mask[:, ::-1].T, (1.5, 1.0), most_cells) == pytest.approx(found)


def test_a_voxel_has_none():
    assert gliding_box_lacunarity(np.ones((1, 1, 1), bool), (1.0, 1.0, 1.0)) == {}

"""Analyses turned back to the grid of the files."""

import numpy as np
import pytest
from scipy import ndimage

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.metrics.stored import as_stored
from tests.storage_orders import ORDERS, restored

SPACING = (2.0, 0.5, 1.0)


def fork() -> np.ndarray:
    mask = np.zeros((13, 40, 31), dtype=bool)
    mask[4:9, 2:28, 13:18] = True
    mask[5:8, 26:29, 2:25] = True
    return mask


@pytest.mark.parametrize("order", ORDERS[::5])
@pytest.mark.parametrize("with_region", [False, True])
def test_everything_lies_where_the_mask_lies(order, with_region: bool):
    mask = np.ascontiguousarray(restored(fork(), order))
    region = np.ascontiguousarray(restored(np.arange(40)[None, :, None] < np.full((13, 1, 31), 20), order))
    spacing = tuple(SPACING[axis] for axis in order[0])
    target = analyse_target(mask, spacing, region=region if with_region else None)
    prediction, found = as_stored(analyse_prediction(ndimage.binary_dilation(mask), target), target)
    assert np.array_equal(found.mask, mask & region if with_region else mask)
    assert found.spacing_mm == prediction.spacing_mm == spacing
    assert found.holds(found.skeleton_voxels).all()
    assert np.array_equal(
        found.skeleton[tuple((found.skeleton_voxels - found.corner).T)], [True] * found.skeleton.sum()
    )
    assert np.array_equal(found.decomposition.scale_map > 0, found.inside)
    assert np.array_equal(found.decomposition.branches > 0, found.inside)
    whole = analyse_target(mask, spacing).decomposition
    assert found.decomposition.centreline.length_mm == pytest.approx(whole.centreline.length_mm)
    line = found.centreline
    # Smoothing moves a point by less than a radius from the voxel it comes from, and a tip lies a radius beyond.
    assert np.linalg.norm(line.points_mm - line.voxels * spacing, axis=1).max() < 3
    assert found.holds(line.voxels).all()
    assert len(found.local_radii_mm) == len(line.points_mm)
    ends = np.argwhere(np.isin(line.degrees, (1, 3)))[:, 0]
    assert all(np.isclose(line.points_mm, node).all(axis=1).any() for node in line.nodes_mm[ends])


def test_a_symmetric_target_is_turned_back_with_its_prediction():
    target = np.zeros((12, 12, 30), dtype=bool)
    target[4:8, 4:8, 3:27] = True
    prediction = target.copy()
    prediction[7:, 7, 20] = True
    for axes in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        for steps in ((1, 1, 1), (-1, 1, -1)):
            pair = [np.ascontiguousarray(restored(mask, (axes, steps))) for mask in (prediction, target)]
            analysed = analyse_target(pair[1], (1.0, 1.0, 1.0))
            stored = as_stored(analyse_prediction(pair[0], analysed), analysed)
            assert np.array_equal(stored[0].mask, pair[0])
            assert np.array_equal(stored[1].mask, pair[1])


def test_what_was_not_turned_stays():
    analysis = MaskAnalysis(fork(), SPACING)
    assert as_stored(analysis, analysis) == (analysis, analysis)

"""Pairs of masks laid down in one way: what is measured does not hang on how their files store them."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from ramify.data.files import read_mask
from ramify.metrics.case import CaseScores, evaluate_case
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.metrics.settings import EvaluationSettings
from tests.metrics.drawn_masks import drawn, random_mask
from tests.storage_orders import ORDERS, restored

EVERYTHING = EvaluationSettings.model_validate(
    {
        "measures": ["all"],
        "topology": {"patch_voxels": 7, "random_patches": 5},
        "street_mover": {"points": 50},
    }
)


def blobs(seed: int, shape: tuple[int, ...] = (17, 22, 19)) -> np.ndarray:
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return smooth > np.quantile(smooth, 0.8)


def rows_of(
    prediction: np.ndarray,
    target: np.ndarray,
    region: np.ndarray | None = None,
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
    settings: EvaluationSettings = EVERYTHING,
) -> list[CaseScores]:
    """The row of a prediction, a target and perhaps a region in each of 48 storage orders."""
    rows = []
    for order in ORDERS:
        one, other = (np.ascontiguousarray(restored(mask, order)) for mask in (prediction, target))
        there = None if region is None else np.ascontiguousarray(restored(region, order))
        rows.append(evaluate_case(one, other, [spacing[axis] for axis in order[0]], settings, there))
    return rows


@pytest.mark.parametrize(
    ("spacing", "with_region"), [((1.0, 1.0, 1.0), False), ((2.5, 0.7, 0.7), True), ((0.3, 0.9, 0.4), False)]
)
def test_48_storage_orders_give_every_measure_to_the_last_digit(spacing: tuple[float, ...], with_region: bool):
    target = blobs(1)
    prediction = (target & blobs(2, target.shape)) | np.roll(target, 1, axis=1)
    region = blobs(3) | (np.arange(22)[None, :, None] > 8) if with_region else None
    rows = rows_of(prediction, target, region, spacing=spacing)
    assert all(row == rows[0] for row in rows)


@pytest.mark.parametrize("seed", range(3))
def test_a_symmetric_target_leaves_the_choice_to_the_prediction(seed: int):
    """A straight tube lies alike in many ways, the prediction in each of them otherwise."""
    target = np.zeros((14, 14, 14), dtype=bool)
    target[4:10, 4:10] = True
    if seed % 2:
        target[4:10, :, 4:10] = True
    prediction = target & (random_mask(seed, target.shape, 0.9) | (target & (np.arange(14) % 3 == 0)))
    rows = rows_of(prediction, target)
    assert all(row == rows[0] for row in rows)


def test_masks_whose_slices_hold_alike_but_are_not_symmetric():
    target = np.zeros((6, 6, 6), dtype=bool)
    # As many voxels in every slice along every axis, and no two axes alike.
    for i, (j, k) in enumerate(zip((2, 0, 3, 1, 5, 4), (1, 3, 0, 2, 4, 5))):
        target[i, j, k] = True
    target = np.kron(target, np.ones((3, 3, 3), dtype=bool))
    rows = rows_of(np.roll(target, 1, axis=0), target)
    assert all(row == rows[0] for row in rows)


def test_an_empty_mask_on_either_side():
    empty, mask = np.zeros((9, 8, 7), dtype=bool), random_mask(0, (9, 8, 7), 0.3)
    for pair in ((empty, mask), (mask, empty)):
        rows = rows_of(*pair)
        assert all(row == rows[0] for row in rows)


def test_planes_lie_in_eight_ways():
    target = drawn("""
        ...........
        .###.......
        .########..
        ....######.
        .##....###.
        .##........
    """)
    prediction = np.roll(target, 1, axis=0) | target[::-1]
    rows = []
    for axes, steps in itertools.product(((0, 1), (1, 0)), itertools.product((1, -1), repeat=2)):
        turned = [restored(mask, (axes, steps)).copy() for mask in (prediction, target)]
        rows.append(evaluate_case(*turned, [(1.5, 0.5)[axis] for axis in axes], EVERYTHING))
    assert all(row == rows[0] for row in rows)


def test_a_single_slice_is_thinned_as_a_plane_wherever_its_axis_stands():
    plane = blobs(4, (30, 40))
    flat = evaluate_case(np.roll(plane, 1, axis=0), plane, (1.0, 1.0))
    for axis in range(3):
        pair = [np.expand_dims(mask, axis) for mask in (np.roll(plane, 1, axis=0), plane)]
        row = evaluate_case(*pair, (1.0, 1.0, 1.0))
        assert row["cldice"] == flat["cldice"]
        assert row["length_accuracy"] == flat["length_accuracy"]


def test_a_target_that_is_kept_serves_every_prediction():
    """A symmetric target is one array in all its poses: what was computed of it holds for each prediction."""
    target = np.zeros((12, 12, 30), dtype=bool)
    target[4:8, 4:8, 3:27] = True
    kept = analyse_target(target, (1.0, 1.0, 1.0))
    assert len(kept.poses) > 1
    assert len(kept.skeleton_voxels)
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        prediction = analyse_prediction(np.roll(target, shift, axis), kept)
        fresh = analyse_target(target, (1.0, 1.0, 1.0))
        again = analyse_prediction(np.roll(target, shift, axis), fresh)
        assert np.array_equal(prediction.mask, again.mask)
        assert np.array_equal(prediction.skeleton_voxels, again.skeleton_voxels)


def test_with_scikit_images_skeletons_masks_stay_as_they_lie():
    pytest.importorskip("skimage")
    target = blobs(5)[::-1]
    analysed = analyse_target(target, (1.0, 1.0, 1.0), "scikit-image")
    assert np.array_equal(analysed.mask, target)
    assert np.array_equal(analyse_prediction(target, analysed).mask, target)


def test_another_shape_is_refused():
    target = analyse_target(np.ones((3, 4, 5), dtype=bool), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="resample one onto the other's grid"):
        analyse_prediction(np.ones((3, 5, 4), dtype=bool), target)


def test_a_real_tree_in_48_storage_orders(real_data):
    volume = read_mask(real_data / "liver_trees" / "case0226.nii.gz")
    mask = volume.array
    occupied = np.argwhere(mask)
    mask = mask[tuple(slice(low, high + 1) for low, high in zip(occupied.min(0), occupied.max(0)))]
    prediction = ndimage.median_filter(mask.astype(np.uint8), 3) > 0
    prediction |= np.roll(prediction, 1, 1)
    settings = EvaluationSettings(measures=("centreline", "graph"))
    rows = rows_of(prediction, mask, spacing=volume.spacing_mm, settings=settings)
    assert all(row == rows[0] for row in rows)

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ramify.metrics.masks import Mask
from ramify.metrics.surface import (
    average_surface_distance_mm,
    hausdorff_95_mm,
    hausdorff_distances,
    hausdorff_mm,
    surface_dice,
)
from ramify.vessels.surface_elements import element_areas_mm
from tests.metrics.drawn_masks import centres_mm, drawn, mask_pairs, moved, random_mask

SPACINGS = {2: (2.0, 0.7), 3: (2.5, 0.7, 1.1)}


def every_distance_mm(first: Mask, second: Mask, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """From every voxel of the first mask to the nearest of the second, by comparing all with all."""
    a, b = centres_mm(first, spacing_mm), centres_mm(second, spacing_mm)
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1)).min(axis=1)


def surface_by_definition(mask: Mask) -> Mask:
    """Foreground with a background face neighbour, the volume continued by its own border voxels."""
    cross = ndimage.generate_binary_structure(mask.ndim, 1)
    return mask & ~ndimage.binary_erosion(mask, cross, border_value=1)


def test_two_voxels_apart():
    prediction, target = np.zeros((2, 8, 9), dtype=bool)
    prediction[1, 2] = True
    target[4, 6] = True
    assert hausdorff_mm(prediction, target, (1.0, 1.0)) == pytest.approx(5.0)
    assert hausdorff_mm(prediction, target, (4.0, 1.0)) == pytest.approx(math.hypot(12.0, 4.0))
    assert hausdorff_95_mm(prediction, target, (4.0, 1.0)) == pytest.approx(math.hypot(12.0, 4.0))


def test_a_shifted_line_and_a_missing_piece():
    line = np.zeros((7, 5, 20), dtype=bool)
    line[3, 2] = True
    assert hausdorff_mm(np.roll(line, 2, axis=0), line, (1.5, 1.0, 1.0)) == pytest.approx(3.0)
    broken = line.copy()
    broken[3, 2, 5:12] = False
    # The middle of seven missing voxels is four steps from either end.
    assert hausdorff_mm(broken, line, (1.5, 1.0, 0.8)) == pytest.approx(4 * 0.8)


def test_one_stray_voxel_moves_the_maximum_but_not_the_percentile():
    target = np.zeros((3, 60), dtype=bool)
    target[1, :40] = True
    prediction = target.copy()
    prediction[1, 55] = True
    assert hausdorff_mm(prediction, target, (1.0, 1.0)) == pytest.approx(16.0)
    assert hausdorff_95_mm(prediction, target, (1.0, 1.0)) == 0.0


def test_the_percentile_is_interpolated_and_the_larger_of_the_two():
    # Distances from prediction to target are 0, 0, 3; from target to prediction 0, 0. Rank 0.95 * 2 lies at 1.9.
    target = drawn("""
        ........
        .##.....
        ........
    """)
    prediction = target.copy()
    prediction[1, 5] = True
    assert hausdorff_95_mm(prediction, target, (1.0, 1.0)) == pytest.approx(0.9 * 3.0)
    assert hausdorff_95_mm(target, prediction, (1.0, 1.0)) == pytest.approx(0.9 * 3.0)


def test_a_hollow_prediction_is_measured_to_its_middle():
    steps = np.hypot(*np.mgrid[-12:13, -12:13])
    disc, ring = steps <= 10, (steps <= 10) & (steps >= 8)
    assert hausdorff_mm(ring, disc, (1.0, 1.0)) == pytest.approx(8.0)
    # Between the two surfaces it is far less: what stands in for the definition elsewhere is another measure.
    assert every_distance_mm(surface_by_definition(ring), surface_by_definition(disc), (1.0, 1.0)).max() < 3


@settings(deadline=None)
@given(mask_pairs())
def test_hausdorff_is_the_definition_over_all_voxels(pair: tuple[Mask, Mask]):
    prediction, target = pair
    spacing = SPACINGS[target.ndim]
    if not (prediction.any() and target.any()):
        return
    expected = max(
        every_distance_mm(prediction, target, spacing).max(), every_distance_mm(target, prediction, spacing).max()
    )
    assert hausdorff_mm(prediction, target, spacing) == pytest.approx(expected)


@settings(deadline=None)
@given(mask_pairs())
def test_hausdorff_95_is_the_definition_over_surface_voxels(pair: tuple[Mask, Mask]):
    spacing = SPACINGS[pair[0].ndim]
    first, second = (surface_by_definition(mask) for mask in pair)
    if not (first.any() and second.any()):
        return
    expected = max(
        np.percentile(every_distance_mm(first, second, spacing), 95),
        np.percentile(every_distance_mm(second, first, spacing), 95),
    )
    assert hausdorff_95_mm(*pair, spacing) == pytest.approx(expected)


@settings(deadline=None)
@given(mask_pairs(), st.floats(0.1, 10.0))
def test_scaling_the_spacing_scales_the_distances(pair: tuple[Mask, Mask], factor: float):
    spacing = SPACINGS[pair[0].ndim]
    plain = hausdorff_distances(*pair, spacing)
    scaled = hausdorff_distances(*pair, tuple(factor * step for step in spacing))
    assert scaled == pytest.approx(tuple(factor * value for value in plain))


@settings(deadline=None)
@given(mask_pairs())
def test_order_flips_and_axis_swaps_change_nothing(pair: tuple[Mask, Mask]):
    prediction, target = pair
    spacing = SPACINGS[target.ndim]
    plain = hausdorff_distances(prediction, target, spacing)
    assert hausdorff_distances(target, prediction, spacing) == pytest.approx(plain)
    for position, (p, t) in enumerate(zip(moved(prediction), moved(target), strict=True)):
        turned = spacing[::-1] if position == target.ndim else spacing
        assert hausdorff_distances(p, t, turned) == pytest.approx(plain)


def test_empty_masks():
    empty, full = np.zeros((3, 4, 12), dtype=bool), np.ones((3, 4, 12), dtype=bool)
    assert hausdorff_distances(empty, empty, (1.0, 1.0, 1.0)) == (0.0, 0.0)
    assert hausdorff_distances(empty, full, (1.0, 1.0, 1.0)) == (13.0, 13.0)
    assert hausdorff_distances(full, empty, (2.0, 2.0, 2.0)) == (26.0, 26.0)
    assert average_surface_distance_mm(empty, empty, (1.0, 1.0, 1.0)) == 0.0
    assert average_surface_distance_mm(full, empty, (1.0, 1.0, 1.0)) == 13.0
    assert surface_dice(empty, empty, (1.0, 1.0, 1.0), 1.0) == 1.0
    assert surface_dice(empty, full, (1.0, 1.0, 1.0), 1e9) == 0.0


def test_a_mask_that_fills_the_volume_is_measured_from_its_border():
    full = np.ones((5, 5), dtype=bool)
    centre = np.zeros((5, 5), dtype=bool)
    centre[2, 2] = True
    assert hausdorff_distances(full, full, (1.0, 1.0)) == (0.0, 0.0)
    assert hausdorff_mm(centre, full, (1.0, 1.0)) == pytest.approx(math.hypot(2, 2))
    # Sixteen border voxels, four of them corners: the percentile falls among the corners.
    assert hausdorff_95_mm(centre, full, (1.0, 1.0)) == pytest.approx(math.hypot(2, 2))


def test_one_voxel_is_as_good_as_any_mask():
    voxel = np.ones((1, 1, 1), dtype=bool)
    assert hausdorff_distances(voxel, voxel, (1.0, 1.0, 1.0)) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_both_are_monais_where_masks_keep_off_the_border(seed):
    """Sparse masks have no inside, so that all voxels and surface voxels are the same."""
    prediction, target = np.zeros((2, 12, 13, 14), dtype=bool)
    prediction[2:-2, 2:-2, 2:-2] = random_mask(seed, (8, 9, 10), 0.04)
    target[2:-2, 2:-2, 2:-2] = random_mask(seed + 100, (8, 9, 10), 0.04)
    spacing = SPACINGS[3]
    assert hausdorff_mm(prediction, target, spacing) == pytest.approx(monai_distance(prediction, target, spacing, None))
    thick_prediction, thick_target = (ndimage.binary_dilation(mask) for mask in (prediction, target))
    expected = monai_distance(thick_prediction, thick_target, spacing, 95)
    assert hausdorff_95_mm(thick_prediction, thick_target, spacing) == pytest.approx(expected)


def test_the_average_is_over_all_distances_of_both_directions():
    target = drawn("""
        ........
        .##.....
        ........
    """)
    prediction = target.copy()
    prediction[1, 5] = True
    # 0, 0, 3 one way and 0, 0 the other.
    assert average_surface_distance_mm(prediction, target, (1.0, 1.0)) == pytest.approx(3 / 5)


@settings(deadline=None)
@given(mask_pairs())
def test_the_average_is_the_definition_over_surface_voxels(pair: tuple[Mask, Mask]):
    spacing = SPACINGS[pair[0].ndim]
    first, second = (surface_by_definition(mask) for mask in pair)
    if not (first.any() and second.any()):
        return
    every = [every_distance_mm(first, second, spacing), every_distance_mm(second, first, spacing)]
    assert average_surface_distance_mm(*pair, spacing) == pytest.approx(np.concatenate(every).mean())


def test_plates_a_voxel_apart_agree_within_a_voxel():
    target = np.zeros((9, 30, 30), dtype=bool)
    target[3:5, 2:-2, 2:-2] = True
    prediction = np.roll(target, 1, axis=0)
    spacing = (1.5, 1.0, 1.0)
    assert surface_dice(prediction, target, spacing, 1.5) == 1.0
    assert surface_dice(target, target, spacing, 0.0) == 1.0
    # Without tolerance the elements that lie on both surfaces agree: a rim of two rows of corners is left of the sides.
    assert 0.0 < surface_dice(prediction, target, spacing, 1.4) < 0.25


def test_contours_agree_by_their_length():
    """Two squares, one with a tail that is twice three pixels of contour longer."""
    target = np.zeros((12, 20), dtype=bool)
    target[3:9, 3:9] = True
    prediction = target.copy()
    prediction[5:7, 9:14] = True
    square = 4 * 5 + 4 * math.sqrt(0.5)
    # Of the prediction's contour, what lies more than 2 mm from the square's: grid columns 12 to 14.
    tail = 2 * (11.5 - 9.5) + 2 * math.sqrt(0.5) + 1
    assert surface_dice(prediction, target, (1.0, 1.0), 100.0) == 1.0
    longer = square - 1 + 2 * 5
    value = surface_dice(prediction, target, (1.0, 1.0), 2.0)
    assert 1 - value == pytest.approx(tail / (square + longer), abs=0.03)


def elements_by_definition(mask: Mask, spacing_mm: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Positions in mm and areas of the surface elements, from the padded mask corner by corner."""
    padded = np.pad(mask, 1)
    shape = tuple(size + 1 for size in mask.shape)
    sides = list(np.ndindex(*(2,) * mask.ndim))
    codes = np.zeros(shape, dtype=int)
    for k, side in enumerate(sides):
        codes |= padded[tuple(slice(d, d + n) for d, n in zip(side, shape))].astype(int) << k
    where = np.argwhere((codes > 0) & (codes < 2 ** len(sides) - 1))
    return where * np.array(spacing_mm), element_areas_mm(spacing_mm)[codes[tuple(where.T)]]


@settings(deadline=None)
@given(mask_pairs(), st.sampled_from([0.0, 0.5, 1.3, 3.0]))
def test_surface_dice_is_the_definition_over_elements(pair: tuple[Mask, Mask], tolerance_mm: float):
    if not (pair[0].any() and pair[1].any()):
        return
    spacing = SPACINGS[pair[0].ndim]
    (one, one_areas), (other, other_areas) = (elements_by_definition(mask, spacing) for mask in pair)
    apart = np.sqrt(((one[:, None] - other[None]) ** 2).sum(-1))
    within = one_areas[apart.min(axis=1) <= tolerance_mm].sum() + other_areas[apart.min(axis=0) <= tolerance_mm].sum()
    expected = within / (one_areas.sum() + other_areas.sum())
    assert surface_dice(*pair, spacing, tolerance_mm) == pytest.approx(expected)


@settings(deadline=None)
@given(mask_pairs())
def test_surface_dice_does_not_care_how_masks_lie(pair: tuple[Mask, Mask]):
    spacing = SPACINGS[pair[0].ndim]
    plain = surface_dice(*pair, spacing, 1.2)
    assert surface_dice(*pair[::-1], spacing, 1.2) == pytest.approx(plain)
    for position, (p, t) in enumerate(zip(moved(pair[0]), moved(pair[1]), strict=True)):
        turned = spacing[::-1] if position == p.ndim else spacing
        assert surface_dice(p, t, turned, 1.2) == pytest.approx(plain)


@pytest.mark.parametrize("tolerance_mm", [-1.0, float("nan")])
def test_a_bad_tolerance_is_refused(tolerance_mm: float):
    with pytest.raises(ValueError, match="tolerance_mm: expected 0 or more"):
        surface_dice(np.ones((2, 2), bool), np.ones((2, 2), bool), (1.0, 1.0), tolerance_mm)


def blobs(seed: int, shape: tuple[int, ...]) -> Mask:
    """Pieces with an inside, off the border."""
    mask = np.zeros(shape, dtype=bool)
    inner = (slice(3, -3),) * len(shape)
    mask[inner] = random_mask(seed, tuple(size - 6 for size in shape), 0.05)
    return ndimage.binary_dilation(mask, iterations=1 + seed % 2)


@pytest.mark.parametrize("ndim", [2, 3])
def test_average_and_surface_dice_are_monais(ndim: int):
    """On fifty random pairs a dimension, of cubic and of flat voxels."""
    for seed in range(50):
        shape = (13, 12, 14)[:ndim]
        pair = blobs(seed, shape), blobs(seed + 1000, shape)
        if not (pair[0].any() and pair[1].any()):
            continue
        spacing = SPACINGS[ndim] if seed % 2 else (1.0,) * ndim
        assert average_surface_distance_mm(*pair, spacing) == pytest.approx(monai_average(*pair, spacing), rel=1e-5)
        for tolerance_mm in (0.4, 1.0, 2.2):
            expected = monai_surface_dice(*pair, spacing, tolerance_mm)
            assert surface_dice(*pair, spacing, tolerance_mm) == pytest.approx(expected, rel=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("ndim", [2, 3])
def test_surface_dice_is_deepminds(ndim: int):
    """On a hundred random pairs a dimension, dense and sparse, at the border too, with their own package."""
    theirs = pytest.importorskip("surface_distance", reason="DeepMind's surface-distance is not installed")
    generator = np.random.default_rng(ndim)
    for seed in range(100):
        shape = tuple(generator.integers(2, 12, ndim))
        pair = random_mask(seed, shape, 0.05 + 0.9 * generator.random()), random_mask(seed + 1000, shape, 0.4)
        if not (pair[0].any() and pair[1].any()):
            continue
        spacing = SPACINGS[ndim] if seed % 2 else (1.0,) * ndim
        distances = theirs.compute_surface_distances(pair[1], pair[0], spacing)
        for tolerance_mm in (0.0, 0.9, 1.8):
            expected = theirs.compute_surface_dice_at_tolerance(distances, tolerance_mm)
            assert surface_dice(*pair, spacing, tolerance_mm) == pytest.approx(expected, rel=1e-9)


def monai_distance(prediction: Mask, target: Mask, spacing_mm: tuple[float, ...], percentile: float | None) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics")
        pair = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, target)]
        return float(monai.compute_hausdorff_distance(*pair, percentile=percentile, spacing=list(spacing_mm)))


def monai_average(prediction: Mask, target: Mask, spacing_mm: tuple[float, ...]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics")
        pair = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, target)]
        return float(
            monai.compute_average_surface_distance(
                *pair, include_background=True, symmetric=True, spacing=list(spacing_mm)
            )
        )


def monai_surface_dice(prediction: Mask, target: Mask, spacing_mm: tuple[float, ...], tolerance_mm: float) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics")
        pair = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, target)]
        return float(
            monai.compute_surface_dice(
                *pair, [tolerance_mm], include_background=True, spacing=list(spacing_mm), use_subvoxels=True
            )
        )

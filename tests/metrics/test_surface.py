import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from metrics.masks import Mask
from metrics.surface import hausdorff_95_mm, hausdorff_distances, hausdorff_mm, volume_diagonal_mm
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


@given(mask_pairs(), st.floats(0.1, 10.0))
def test_scaling_the_spacing_scales_the_distances(pair: tuple[Mask, Mask], factor: float):
    spacing = SPACINGS[pair[0].ndim]
    plain = hausdorff_distances(*pair, spacing)
    scaled = hausdorff_distances(*pair, tuple(factor * step for step in spacing))
    assert scaled == pytest.approx(tuple(factor * value for value in plain))


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
    assert volume_diagonal_mm((3, 4, 12), (1.0, 1.0, 1.0)) == 13.0


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


def monai_distance(prediction: Mask, target: Mask, spacing_mm: tuple[float, ...], percentile: float | None) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics")
        pair = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, target)]
        return float(monai.compute_hausdorff_distance(*pair, percentile=percentile, spacing=list(spacing_mm)))

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask
from ramify.vessels import skeleton as skeleton_room
from ramify.vessels.distance import surface
from ramify.vessels.octants import boundary_corners
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.solid import skeletonize_solid
from tests.metrics.drawn_masks import mask_pairs, random_mask

SPACING = (2.0, 0.7, 1.1)


def bent_tube() -> Mask:
    mask = np.zeros((14, 30, 34), dtype=bool)
    mask[4:7, 6:9, 5:28] = True
    mask[4:7, 8:25, 14:17] = True
    return mask


def test_nothing_is_computed_before_it_is_asked_for_and_nothing_twice(monkeypatch: pytest.MonkeyPatch):
    calls = []

    def counted(mask: Mask, spacing_mm: tuple[float, ...]) -> Mask:
        calls.append(mask)
        return skeletonize(mask, spacing_mm)

    monkeypatch.setattr("ramify.vessels.solid.skeletonize", counted)
    analysis = MaskAnalysis(bent_tube(), SPACING)
    assert calls == []
    assert analysis.branches.n_branches == 3
    assert len(analysis.skeleton_voxels) == np.count_nonzero(analysis.skeleton)
    assert len(calls) == 1
    assert analysis.skeleton is analysis.skeleton


def test_the_box_has_a_margin_of_one_voxel_that_ends_with_the_volume():
    mask = np.zeros((9, 12, 12), dtype=bool)
    mask[0:3, 5:7, 8:12] = True
    analysis = MaskAnalysis(mask, SPACING)
    assert analysis.box == (slice(0, 4), slice(4, 8), slice(7, 12))
    assert analysis.corner.tolist() == [0, 4, 7]
    assert np.array_equal(analysis.inside, mask[analysis.box])
    assert analysis.n_voxels == 3 * 2 * 4


@settings(deadline=None)
@given(mask_pairs())
def test_parts_are_those_of_the_whole_volume(pair: tuple[Mask, Mask]):
    mask, other = pair
    analysis = MaskAnalysis(mask, SPACING[: mask.ndim])
    assert analysis.is_empty == (not mask.any())
    spacing = SPACING[: mask.ndim]
    thinned = skeletonize_solid(mask, spacing).skeleton & mask
    assert np.array_equal(analysis.skeleton_voxels, np.argwhere(thinned))
    assert sorted(map(tuple, analysis.voxels_outside(MaskAnalysis(other, SPACING[: mask.ndim])).tolist())) == sorted(
        map(tuple, np.argwhere(mask & ~other).tolist())
    )
    edge = surface(mask)
    if edge.any():
        found = analysis.surface_points.points[:, 3 - mask.ndim :]
        assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, np.argwhere(edge).tolist()))
    whole = boundary_corners(mask)
    assert np.array_equal(analysis.boundary.corners, whole.corners)
    assert np.array_equal(analysis.boundary.codes, whole.codes)


def test_a_mask_that_fills_its_volume_has_the_border_for_a_surface():
    analysis = MaskAnalysis(np.ones((4, 5), dtype=bool), (1.0, 1.0))
    assert np.count_nonzero(analysis.surface) == 4 * 5 - 2 * 3


def test_branches_and_centreline_count_from_the_corner_of_the_volume():
    analysis = MaskAnalysis(bent_tube(), SPACING)
    assert bent_tube()[tuple(analysis.branches.voxels.T)].all()
    moved = MaskAnalysis(np.roll(bent_tube(), (2, 1), axis=(0, 2)), SPACING)
    assert np.array_equal(moved.branches.voxels, analysis.branches.voxels + np.array([2, 0, 1]))


def test_scales_are_those_of_the_decomposition_within_the_box():
    settings = ScaleSettings(quantiles=(0.5,))
    analysis = MaskAnalysis(bent_tube(), SPACING, scale_settings=settings)
    whole = decompose_scales(bent_tube(), SPACING, settings)
    assert np.array_equal(analysis.decomposition.scale_map, whole.scale_map[analysis.box])
    assert analysis.decomposition.thresholds_mm == whole.thresholds_mm


def test_tied_scales_are_noted_without_a_warning():
    mask = np.zeros((5, 5, 20), dtype=bool)
    mask[2, 2, 2:18] = True
    assert "are both" in MaskAnalysis(mask, SPACING).decomposition.notes[0]


@pytest.mark.parametrize("ndim", [2, 3])
def test_scikit_images_skeleton_is_its_default(ndim: int):
    their_thinning = pytest.importorskip("skimage.morphology").skeletonize
    for seed in range(20):
        mask = random_mask(seed, (9, 11, 13)[:ndim], 0.6)
        found = MaskAnalysis(mask, SPACING[:ndim], "scikit-image").skeleton_voxels
        assert np.array_equal(found, np.argwhere(their_thinning(mask)))


def test_thinning_keeps_what_scikit_image_loses():
    """A straight tube of even width has no skeleton there: the reason for the guard, and for the choice."""
    tube = np.zeros((8, 8, 20), dtype=bool)
    tube[2:6, 2:6, :] = True
    assert len(MaskAnalysis(tube, SPACING, "scikit-image").skeleton_voxels) == 0
    assert len(MaskAnalysis(tube, SPACING).skeleton_voxels) > 10
    assert skeleton_room.skeletonize(tube).any()


def test_an_empty_mask_has_nothing():
    analysis = MaskAnalysis(np.zeros((3, 4, 5), dtype=bool), SPACING)
    assert analysis.is_empty
    assert analysis.n_components == 0
    assert analysis.betti == (0, 0, 0)
    parts = (analysis.skeleton_voxels, analysis.surface_points.points, analysis.boundary.corners)
    assert [len(part) for part in parts] == [0, 0, 0]
    assert analysis.branches.n_branches == 0


@pytest.mark.parametrize("corner", list(itertools.product((0, -1), repeat=3)))
def test_a_voxel_in_any_corner_of_the_volume(corner: tuple[int, ...]):
    mask = np.zeros((3, 4, 5), dtype=bool)
    mask[corner] = True
    analysis = MaskAnalysis(mask, SPACING)
    assert analysis.betti == (1, 0, 0)
    assert analysis.holds(np.argwhere(mask)).all()
    assert analysis.skeleton_voxels.tolist() == np.argwhere(mask).tolist()


@pytest.mark.parametrize(
    ("mask", "spacing", "says"),
    [
        (np.zeros((2, 2), np.uint8), (1.0, 1.0), "liver: expected a boolean array, got dtype uint8"),
        (np.zeros((2, 2, 2, 2), bool), (1.0,) * 4, "liver: expected 2 or 3 dimensions"),
        (np.zeros((0, 2), bool), (1.0, 1.0), "at least one voxel"),
        (np.zeros((2, 2), bool), (1.0,), "spacing_mm: expected 2 positive numbers"),
    ],
)
def test_bad_input_is_refused_in_one_line(mask: np.ndarray, spacing: tuple[float, ...], says: str):
    with pytest.raises(ValueError, match=says) as refusal:
        MaskAnalysis(mask, spacing, name="liver")
    assert "\n" not in str(refusal.value)


def holed_tube() -> Mask:
    """A tube of radius 4 along the last axis, with six holes of one voxel on its axis."""
    mask = np.zeros((15, 15, 50), dtype=bool)
    z, y = np.ogrid[-7:8, -7:8]
    mask[:, :, 4:46] = (z**2 + y**2 <= 16)[..., None]
    mask[7, 7, 8:44:6] = False
    return mask


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 0.5, 0.5)])
def test_small_holes_change_no_tree(spacing: tuple[float, ...]):
    solid = holed_tube()
    solid[7, 7, 4:46] = True
    holed, whole = MaskAnalysis(holed_tube(), spacing), MaskAnalysis(solid, spacing)
    assert holed.betti.cavities == 6
    assert np.array_equal(holed.skeleton, whole.skeleton)
    assert np.array_equal(holed.local_radii_mm, whole.local_radii_mm)
    assert holed.centreline.length_mm == whole.centreline.length_mm
    assert holed.holds(holed.skeleton_voxels).all()


def test_holes_are_filled_as_far_as_the_settings_say():
    as_it_is = MaskAnalysis(holed_tube(), (1.0, 1.0, 1.0), scale_settings=ScaleSettings(fill_cavities_mm3=0.0))
    assert as_it_is.solid is as_it_is.inside
    assert len(as_it_is.skeleton_voxels) > 2 * len(MaskAnalysis(holed_tube(), (1.0, 1.0, 1.0)).skeleton_voxels)
    theirs = MaskAnalysis(holed_tube(), (1.0, 1.0, 1.0), "scikit-image")
    assert theirs.solid is theirs.inside


def test_the_skeleton_knows_the_spacing_and_the_graph_has_no_spur():
    """A step in the wall, half a voxel high in units of the radius, is no branch; a side vessel is."""
    trunk = np.zeros((21, 40, 60), dtype=bool)
    trunk[6:15, 6:15, 5:55] = True
    trunk[15, 8:13, 28:33] = True
    assert MaskAnalysis(trunk, (1.0, 1.0, 1.0)).branches.n_branches == 1
    trunk[8:13, 15:36, 28:33] = True
    assert MaskAnalysis(trunk, (1.0, 1.0, 1.0)).branches.n_branches == 3

"""The skeleton: scikit-image's Lee thinning voxel for voxel, and every vessel that it erases besides."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize as scikit_image_skeletonize

from ramify.vessels.inscribed_balls import SKELETON
from ramify.vessels.skeleton import _thinned, skeletonize
from ramify.vessels.thinning_kernel import FACES_2D, FACES_3D

Mask = NDArray[np.bool_]


def betti_numbers(mask: Mask) -> tuple[int, int, int]:
    """Components, tunnels, cavities of the union of closed voxels; b1 from the Euler characteristic b0 - b1 + b2.

    2D masks are one slice thick. Written without any of the thinning's own tables: cells are counted on a grid of twice
    the resolution, on which a cell is present if any voxel that contains it is.
    """
    volume = np.pad(mask if mask.ndim == 3 else mask[np.newaxis], 1)
    cells = np.zeros([2 * size + 1 for size in volume.shape], dtype=bool)
    for shift in itertools.product((0, 1, 2), repeat=3):
        cells[tuple(slice(s, s + 2 * size, 2) for s, size in zip(shift, volume.shape))] |= volume
    dimension = np.sum(np.indices(cells.shape) % 2, axis=0)
    euler = int(np.sum((-1) ** dimension[cells]))
    components = ndimage.label(volume, np.ones((3, 3, 3)))[1]
    cavities = ndimage.label(~volume)[1] - 1
    return components, components + cavities - euler, cavities


def components(mask: Mask) -> tuple[NDArray[np.int32], int]:
    labels, count = ndimage.label(mask, np.ones((3,) * mask.ndim))
    return labels, count


def smooth_noise(rng: np.random.Generator, ndim: int) -> Mask:
    """Blobs, tunnels and specks that touch the border: smoothed noise above one of its quantiles."""
    field = ndimage.gaussian_filter(rng.random(rng.integers(1, 22, ndim)), rng.uniform(0.3, 1.8))
    return field > np.quantile(field, rng.uniform(0.05, 0.95))


def tube(length: int, radius: float, centre: float, axis: int) -> Mask:
    """A straight cylinder along one axis through (centre, centre) of the other two, away from the border."""
    across = np.arange(2 * int(centre) + 2) - centre
    disc = across[:, np.newaxis] ** 2 + across**2 <= radius**2
    return np.moveaxis(np.pad(np.broadcast_to(disc, (length, *disc.shape)), 1), 0, axis)


any_mask = st.integers(2, 3).flatmap(
    lambda ndim: st.floats(0.02, 0.98).flatmap(
        lambda density: st.builds(
            lambda shape, seed: np.random.default_rng(seed).random(shape) < density,
            hnp.array_shapes(min_dims=ndim, max_dims=ndim, min_side=1, max_side=11),
            st.integers(0, 2**32 - 1),
        )
    )
)


# Closed forms of the measuring stick, before anything is measured with it.
@pytest.mark.parametrize(
    ("name", "expected"),
    [("empty", (0, 0, 0)), ("ball", (1, 0, 0)), ("ring", (1, 1, 0)), ("shell", (1, 0, 1)), ("diagonal", (1, 0, 0))],
)
def test_betti_numbers_of_known_shapes(name: str, expected: tuple[int, int, int]) -> None:
    mask = np.zeros((5, 5, 5), dtype=bool)
    if name in ("ball", "shell"):
        mask[1:4, 1:4, 1:4] = True
        mask[2, 2, 2] = name == "ball"
    elif name == "ring":
        mask[2, 1:4, 1:4] = True
        mask[2, 2, 2] = False
    elif name == "diagonal":
        mask[1, 1, 1] = mask[2, 2, 2] = True
    assert betti_numbers(mask) == expected


def test_odd_box_becomes_its_axis() -> None:
    mask = np.zeros((7, 7, 24), dtype=bool)
    mask[2:5, 2:5, 2:22] = True
    rows = np.argwhere(skeletonize(mask))
    assert set(map(tuple, rows[:, :2])) == {(3, 3)}
    assert len(rows) == 18


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("width", [2, 4, 6])
def test_box_of_even_width_keeps_its_length(width: int, axis: int) -> None:
    sides = [width] * 3
    sides[axis] = 20
    mask = np.pad(np.ones(sides, dtype=bool), 2)
    assert not scikit_image_skeletonize(mask, method="lee").any()
    along = np.unique(np.argwhere(skeletonize(mask))[:, axis])
    assert len(along) == pytest.approx(20 - width, abs=2)
    assert skeletonize(mask).sum() == pytest.approx(len(along), abs=2)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("radius", [1.0, 1.5, 2.2, 3.0, 4.4])
def test_cylinder_centred_on_half_a_voxel_keeps_its_length(radius: float, axis: int) -> None:
    mask = tube(length=30, radius=radius, centre=6.5, axis=axis)
    skeleton = skeletonize(mask)
    along = np.unique(np.argwhere(skeleton)[:, axis])
    assert 30 - 2 * radius - 2 <= len(along) <= 30
    assert components(skeleton)[1] == 1


@pytest.mark.parametrize("shape", [(2, 12), (4, 12), (12, 6)])
def test_even_bar_in_the_plane_keeps_its_length(shape: tuple[int, int]) -> None:
    skeleton = skeletonize(np.pad(np.ones(shape, dtype=bool), 1))
    assert skeleton.sum() >= 12 - min(shape)
    assert components(skeleton)[1] == 1


def thinned(mask: Mask) -> Mask:
    """Thinning alone, before limbs come back."""
    faces = FACES_2D if mask.ndim == 2 or mask.shape[0] == 1 else FACES_3D
    left = _thinned(mask, faces)[0][1:-1, 1:-1, 1:-1].reshape(mask.shape)
    return (left & SKELETON) != 0


@pytest.mark.parametrize("ndim", [2, 3])
def test_thinning_matches_scikit_image_on_every_component_it_leaves(ndim: int) -> None:
    rng = np.random.default_rng(0)
    kept = 0
    for _ in range(120):
        mask = smooth_noise(rng, ndim)
        ours, theirs = thinned(mask), scikit_image_skeletonize(mask, method="lee").astype(bool)
        labels, count = components(mask)
        for label in range(1, count + 1):
            component = labels == label
            if theirs[component].any():
                kept += 1
                np.testing.assert_array_equal(ours[component], theirs[component])
            else:
                assert ours[component].sum() == 1
    assert kept > 200


@pytest.mark.parametrize("case", ["case0227", "case0226", "case0201"])
def test_real_trees_have_scikit_images_skeleton_and_their_ends_besides(real_data: Path, case: str) -> None:
    import SimpleITK

    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(real_data / "liver_trees" / f"{case}.nii.gz")) > 0
    theirs = scikit_image_skeletonize(mask, method="lee").astype(bool)
    assert components(theirs)[1] == components(mask)[1], "scikit-image erased a component: no case for equality"
    np.testing.assert_array_equal(thinned(mask), theirs)
    ours = skeletonize(mask)
    assert not (theirs & ~ours).any()
    assert ours.sum() < 1.15 * theirs.sum()


@settings(max_examples=150, deadline=None)
@given(mask=any_mask)
def test_topology_is_the_masks_own(mask: Mask) -> None:
    skeleton = skeletonize(mask)
    assert not (skeleton & ~mask).any()
    assert betti_numbers(skeleton) == betti_numbers(mask)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ndim=st.integers(2, 3))
def test_topology_is_kept_on_smooth_masks(seed: int, ndim: int) -> None:
    mask = smooth_noise(np.random.default_rng(seed), ndim)
    assert betti_numbers(skeletonize(mask)) == betti_numbers(mask)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), before=st.integers(0, 3), after=st.integers(0, 3))
def test_skeleton_moves_with_the_mask(seed: int, before: int, after: int) -> None:
    # Two slices at least: a single slice is a 2D mask and is thinned as one. Away from the volume's border, at which a
    # vessel is taken to go on.
    mask = np.pad(np.random.default_rng(seed).random((2, 5, 6)) < 0.6, 1)
    width = [(before, after), (after, before), (before, before)]
    np.testing.assert_array_equal(skeletonize(np.pad(mask, width)), np.pad(skeletonize(mask), width))


def test_plane_is_a_single_slice() -> None:
    mask = smooth_noise(np.random.default_rng(4), 2)
    np.testing.assert_array_equal(skeletonize(mask), skeletonize(mask[np.newaxis])[0])


@settings(max_examples=30, deadline=None)
@given(mask=any_mask)
def test_thinning_a_skeleton_adds_nothing_and_tears_nothing(mask: Mask) -> None:
    # A limb of one voxel that was led back may go again.
    skeleton = skeletonize(mask)
    again = skeletonize(skeleton)
    assert not (again & ~skeleton).any()
    assert betti_numbers(again) == betti_numbers(skeleton)


def test_components_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(7)
    box = np.pad(np.ones((4, 4, 12), dtype=bool), 1)
    blob = ndimage.gaussian_filter(rng.random(box.shape), 1.0) > 0.5
    both = np.concatenate([box, blob], axis=1)
    np.testing.assert_array_equal(skeletonize(both)[:, : box.shape[1]], skeletonize(box))


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (1, 1, 1), (1, 6, 6), (2, 2, 2), (5, 6, 7)])
def test_full_volume_leaves_one_piece(shape: tuple[int, ...]) -> None:
    skeleton = skeletonize(np.ones(shape, dtype=bool))
    assert skeleton.shape == shape
    assert betti_numbers(skeleton) == (1, 0, 0)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 3, 3)])
def test_empty_mask_has_an_empty_skeleton(shape: tuple[int, ...]) -> None:
    skeleton = skeletonize(np.zeros(shape, dtype=bool))
    assert skeleton.shape == shape
    assert not skeleton.any()


def test_one_voxel_stays() -> None:
    mask = np.zeros((5, 5, 5), dtype=bool)
    mask[0, 4, 2] = True
    np.testing.assert_array_equal(skeletonize(mask), mask)


def test_the_mask_itself_is_left_alone() -> None:
    mask = np.ones((4, 4, 9), dtype=bool)
    mask.flags.writeable = False
    skeletonize(mask)
    assert mask.all()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((3, 3, 3), dtype=np.float32), "expected a boolean array, got dtype float32"),
        (np.ones(3, dtype=bool), r"expected 2 or 3 dimensions, got shape \(3,\)"),
        (np.ones((1, 1, 3, 3), dtype=bool), "expected 2 or 3 dimensions"),
        ([[True]], "expected a boolean array, got list"),
    ],
)
def test_what_is_no_mask_is_refused(mask: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        skeletonize(mask)  # type: ignore[arg-type]

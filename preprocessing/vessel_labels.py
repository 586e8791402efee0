"""What a training learns of a case's vessels: taken apart as they were drawn, brought onto its grid, and cut then.

A tree that is cut to its organ first has rims of the vessels that pass by among its thinnest branches, and a tree taken
apart on another grid has other branches. So a mask is decomposed whole and on its own voxels, as in an evaluation, and
thinned with what lies around the prepared grid.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.preprocessing.grid import Grid
from ramify.preprocessing.tube import tubed_skeleton
from ramify.vessels.box import foreground_box
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import ScaleDecomposition, ScaleWarning, decompose_scales
from ramify.vessels.skeleton import skeletonize

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class VesselLabels:
    """Vessels on the prepared grid, (*S), cut to the organ if so wished.

    Attributes:
        mask: bool.
        scale_map: uint8, 0 background, 1 (smallest vessels) … S.
        branches: int32, 0 background, from 1 up; branches without a voxel here have no number.
        skeleton, tubed_skeleton: bool, of the vessels as they go on outside: a rim has no centreline.
        description: the decomposition in numbers, as the case's record has it.
    """

    mask: Mask
    scale_map: NDArray[np.uint8]
    branches: NDArray[np.int32]
    skeleton: Mask
    tubed_skeleton: Mask
    description: dict[str, Any]


def label_vessels(
    vessels: Mask, organ: Mask | None, prepared_organ: Mask | None, grid: Grid, scales: ScaleSettings, tube_radius: int
) -> VesselLabels:
    """The vessels of a case as labels on its prepared grid.

    Args:
        vessels: bool (*native S), all that were drawn, also outside the organ.
        organ: bool (*native S), what the vessels are cut to; None: nothing. Holds some of them, if there are any.
        prepared_organ: bool (*S), the organ on the prepared grid.
        grid: leads there.
        scales: how they are decomposed.
        tube_radius: of the tubed skeleton, prepared voxels.

    Raises:
        ValueError: there are vessels, and none is left on the prepared grid.
    """
    turned = grid.turned(vessels)
    box = foreground_box(turned, margin=1)
    drawn = np.ascontiguousarray(turned[box])
    inside = None if organ is None else np.ascontiguousarray(grid.turned(organ)[box])
    native = decompose(drawn, grid.turned_spacing_mm, scales, inside)
    wanted = drawn if inside is None else drawn & inside

    # Past the border of the grid by as much as the thickest vessel is wide, so that each is thinned as a whole.
    radii = native.radii_mm[np.unique(native.branches[wanted]) - 1]
    around, own = grid.mask_around(vessels, 2 * float(radii.max(initial=0.0)) + max(grid.spacing_mm))
    mask = around[own] if prepared_organ is None else around[own] & prepared_organ
    if wanted.any() and not mask.any():
        raise ValueError(
            f"none of its {np.count_nonzero(wanted)} vessel voxels is left on the prepared grid of {grid.shape} "
            "voxels; choose a finer --preprocessing.grid.size or spacing_mm"
        )

    start = [side.start for side in box]
    scale_map = grid.labels_to_prepared(native.scale_map, mask, start)
    branches = grid.labels_to_prepared(native.branches, mask, start)
    kept = _numbered_anew(branches, mask)
    return VesselLabels(
        mask=mask,
        scale_map=scale_map,
        branches=branches,
        skeleton=skeletonize(around)[own] & mask,
        tubed_skeleton=tubed_skeleton(around, tube_radius)[own] & mask,
        description=_described(native, wanted, scale_map, kept, scales.n_scales),
    )


def decompose(
    mask: Mask, spacing_mm: Sequence[float], settings: ScaleSettings, region: Mask | None = None
) -> ScaleDecomposition:
    """The scales of a vessel mask, as its settings have it; what there is to warn of is in its notes.

    A mask without a vessel is all background, without branches, radii and thresholds.
    """
    if not mask.any():
        scale_map, branches, skeleton = (np.zeros(mask.shape, dtype=kind) for kind in (np.uint8, np.int32, np.bool_))
        notes = ("no vessel: no scale has a branch",)
        return ScaleDecomposition(scale_map, branches, np.zeros(0), (), skeleton, settings.estimator, notes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScaleWarning)
        return decompose_scales(mask, spacing_mm, settings, region)


def _numbered_anew(branches: NDArray[np.int32], mask: Mask) -> NDArray[np.int64]:
    """Number the branches of a map, (*S), from 1 without gaps, in place; index of each among those there were."""
    kept, number = np.unique(branches[mask], return_inverse=True)
    branches[mask] = number + 1
    index: NDArray[np.int64] = kept.astype(np.int64) - 1
    return index


def _described(
    native: ScaleDecomposition, wanted: Mask, scale_map: NDArray[np.uint8], kept: NDArray[np.int64], n_scales: int
) -> dict[str, Any]:
    """A decomposition into so many scales in numbers for JSON; those by scale count from the smallest up.

    Args:
        native: of all that was drawn.
        wanted: what of it counts, on the same voxels.
        scale_map: the scales on the prepared grid.
        kept: index of each of the branches there.
        n_scales: S.
    """

    def by_scale(scale: NDArray[Any]) -> list[int]:
        return [int(number) for number in np.bincount(scale, minlength=n_scales + 1)[1:]]

    scale_of = native.scale_of_branch
    drawn_branches = np.unique(native.branches[wanted]) - 1
    voxels, drawn_voxels = by_scale(scale_map[scale_map > 0]), by_scale(native.scale_map[wanted])
    lost = [scale for scale in range(1, n_scales + 1) if drawn_voxels[scale - 1] and not voxels[scale - 1]]
    vanished = len(np.setdiff1d(drawn_branches, kept))
    return {
        "estimator": native.estimator,
        "count": n_scales,
        "thresholds_mm": [float(value) for value in native.thresholds_mm],
        "native_voxels": drawn_voxels,
        "native_branches": by_scale(scale_of[drawn_branches]),
        "voxels": voxels,
        "branches": by_scale(scale_of[kept]),
        "radii_mm": [float(value) for value in native.radii_mm[kept]],
        "notes": [
            *native.notes,
            *(f"scale {scale} has no voxel on the prepared grid" for scale in lost),
            *([f"{vanished} of {len(drawn_branches)} branches have no voxel on the prepared grid"] if vanished else []),
        ],
    }

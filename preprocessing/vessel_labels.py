"""What a training learns of a case's vessels: taken apart as they were drawn, brought onto its grid, and cut then.

A tree that is cut to its organ first has rims of the vessels that pass by among its thinnest branches, and a tree taken
apart on another grid has other branches. So a mask is decomposed whole and on its own voxels, as in an evaluation, and
thinned with what lies around the prepared grid.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.preprocessing.drawn_vessels import DrawnVessels
from ramify.preprocessing.grid import Grid
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.solid import skeletonize_solid
from ramify.vessels.tube import tubed_skeleton

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
    vessels: Mask,
    drawn: DrawnVessels,
    organ: Mask | None,
    grid: Grid,
    scales: ScaleSettings,
    tube_radius: int,
    inside: Mask | None = None,
) -> VesselLabels:
    """The vessels of a case as labels on its prepared grid.

    Args:
        vessels: bool (*native S), all that were drawn, also outside the organ.
        drawn: the same, analysed.
        organ: bool (*S), what they are cut to, on the prepared grid; None: nothing is cut.
        grid: leads there.
        scales: how they are decomposed.
        tube_radius: of the tubed skeleton, prepared voxels.
        inside: bool (*S), where the vessels are on the prepared grid, before they are cut, where other classes have a
            say in that; None: wherever interpolation puts them.

    Raises:
        ValueError: there are vessels, and none is left on the prepared grid.
    """
    if not drawn.wanted.any():
        return without_vessels(grid, scales)
    # Past the border of the grid by as much as the thickest vessel is wide, so that each is thinned as a whole.
    radii = drawn.decomposition.radii_mm[np.unique(drawn.branches[drawn.wanted]) - 1]
    around, own = grid.mask_around(vessels, 2 * float(radii.max()) + max(grid.spacing_mm))
    if inside is not None:
        around[own] = inside
    mask = around[own] if organ is None else around[own] & organ
    if not mask.any():
        raise nothing_left(int(np.count_nonzero(drawn.wanted)), grid)

    scale_map = grid.labels_to_prepared(drawn.scale_map, mask, drawn.start)
    branches = grid.labels_to_prepared(drawn.branches, mask, drawn.start)
    kept = _numbered_anew(branches, mask)
    skeleton = skeletonize_solid(around, grid.spacing_mm, scales.largest_cavity_mm3).skeleton
    # In 2D the paper's tube is around another thinning.
    known = skeleton if around.ndim == 3 else None
    tube = tubed_skeleton(around, tube_radius, grid.spacing_mm, known, scales.largest_cavity_mm3)
    return VesselLabels(
        mask=mask,
        scale_map=scale_map,
        branches=branches,
        skeleton=skeleton[own] & mask,
        tubed_skeleton=tube[own] & mask,
        description=_described(drawn, scale_map, kept, scales),
    )


def nothing_left(voxels: int, grid: Grid) -> ValueError:
    """The error for a case with so many vessel voxels, none of which is left on the prepared grid."""
    return ValueError(
        f"none of its {voxels} vessel voxels is left on the prepared grid of {grid.shape} voxels; choose a finer "
        "--preprocessing.grid.size or spacing_mm"
    )


def without_vessels(grid: Grid, scales: ScaleSettings) -> VesselLabels:
    """All background, without branches, radii and thresholds."""
    no_mask, no_skeleton, no_tube = np.zeros((3, *grid.shape), dtype=bool)
    counts = {name: [0] * scales.n_scales for name in ("native_voxels", "native_branches", "voxels", "branches")}
    described = {"estimator": scales.estimator, "count": scales.n_scales, "thresholds_mm": [], **counts, "radii_mm": []}
    return VesselLabels(
        mask=no_mask,
        scale_map=no_mask.astype(np.uint8),
        branches=no_mask.astype(np.int32),
        skeleton=no_skeleton,
        tubed_skeleton=no_tube,
        description={**described, "notes": ["no vessel: no scale has a branch"]},
    )


def _numbered_anew(branches: NDArray[np.int32], mask: Mask) -> NDArray[np.int64]:
    """Number the branches of a map, (*S), from 1 without gaps, in place; index of each among those there were."""
    kept, number = np.unique(branches[mask], return_inverse=True)
    branches[mask] = number + 1
    index: NDArray[np.int64] = kept.astype(np.int64) - 1
    return index


def _described(
    drawn: DrawnVessels, scale_map: NDArray[np.uint8], kept: NDArray[np.int64], scales: ScaleSettings
) -> dict[str, Any]:
    """A decomposition in numbers for JSON; those by scale count from the smallest up.

    Args:
        drawn: what it was made from.
        scale_map: the scales on the prepared grid.
        kept: index of each of the branches there.
        scales: how it was made.
    """
    n_scales, whole = scales.n_scales, drawn.decomposition

    def by_scale(scale: NDArray[Any]) -> list[int]:
        return [int(number) for number in np.bincount(scale, minlength=n_scales + 1)[1:]]

    scale_of, branches = whole.scale_of_branch, np.unique(drawn.branches[drawn.wanted]) - 1
    voxels, native_voxels = by_scale(scale_map[scale_map > 0]), by_scale(drawn.scale_map[drawn.wanted])
    lost = [scale for scale in range(1, n_scales + 1) if native_voxels[scale - 1] and not voxels[scale - 1]]
    vanished = len(np.setdiff1d(branches, kept))
    return {
        "estimator": whole.estimator,
        "count": n_scales,
        "thresholds_mm": [float(value) for value in whole.thresholds_mm],
        "native_voxels": native_voxels,
        "native_branches": by_scale(scale_of[branches]),
        "voxels": voxels,
        "branches": by_scale(scale_of[kept]),
        "radii_mm": [float(value) for value in whole.radii_mm[kept]],
        "notes": [
            *whole.notes,
            *(f"scale {scale} has no voxel on the prepared grid" for scale in lost),
            *([f"{vanished} of {len(branches)} branches have no voxel on the prepared grid"] if vanished else []),
        ],
    }

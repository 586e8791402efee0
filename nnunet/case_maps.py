"""What a case's labels say of its vessels on nnU-Net's grid: the scale of each voxel, and the tubed skeleton.

Vessels are taken apart as they were drawn, on the case's own voxels, and the scales brought onto the grid of training:
a tree that was resampled or cut first has other branches.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings
from ramify.vessels.scales import decompose_quietly, with_shared_thresholds
from ramify.vessels.tube import tubed_skeleton_of_classes

Trees = Sequence[Sequence[int]]
"""The label values of each vascular tree: one that several labels share is taken apart as one."""


class CaseOnGrid(NamedTuple):
    """A case's labels as they were drawn and as nnU-Net prepared them, in one order of axes.

    Args:
        drawn: integers (*native S).
        drawn_spacing_mm: their voxel size.
        crop: the box of them that the grid covers.
        prepared: integers (*S), the labels on the grid; below 0 outside of the image.
        spacing_mm: voxel size of the grid.

    Of 2D images the first axis has one voxel, as nnU-Net has it.
    """

    drawn: NDArray[np.integer]
    drawn_spacing_mm: tuple[float, ...]
    crop: tuple[slice, ...]
    prepared: NDArray[np.integer]
    spacing_mm: tuple[float, ...]


def scale_map_of(
    case: CaseOnGrid, trees: Trees, settings: ScaleSettings = DEFAULT_SCALES
) -> tuple[NDArray[np.uint8], tuple[float, ...], tuple[str, ...]]:
    """The scale of each vessel voxel of the grid: that of the nearest voxel of its tree as it was drawn.

    Args:
        case: its labels.
        trees: which labels are vessels. Each tree is taken apart by itself; the thresholds are over all of them, unless
            the settings give each its own.
        settings: how they are taken apart.

    Returns:
        uint8 (*S), 0 background, 1 (smallest vessels) … S; the thresholds, mm (none without vessels, and of trees with
        their own); notes.
    """
    flat = len(case.drawn) == 1
    drawn = case.drawn[0] if flat else case.drawn
    alone = {}
    for labels in trees:
        mask = np.isin(drawn, list(labels))
        if mask.any():
            alone[tuple(labels)] = decompose_quietly(mask, case.drawn_spacing_mm[flat:], settings)
    parts, notes = with_shared_thresholds(alone, settings)
    scale_map = np.zeros(case.prepared.shape, np.uint8)
    for labels, part in parts.items():
        wanted = np.isin(case.prepared, list(labels))
        if wanted.any():
            scale_map[wanted] = _nearest(part.scale_map.reshape(case.drawn.shape), case, np.argwhere(wanted))
    thresholds = (
        {part.thresholds_mm for part in parts.values()} if settings.shared_thresholds or len(parts) == 1 else ()
    )
    return scale_map, next(iter(thresholds), ()), (*notes, *(note for part in parts.values() for note in part.notes))


def _nearest(drawn: NDArray[np.uint8], case: CaseOnGrid, voxels: NDArray[np.intp]) -> NDArray[np.uint8]:
    """What a map of drawn voxels, 0 where it says nothing, has nearest to voxels (N, ndim) of the grid."""
    spacing = np.array(case.drawn_spacing_mm)
    labelled = np.argwhere(drawn)
    start = np.array([side.start for side in case.crop])
    stop = np.array([side.stop for side in case.crop])
    # Voxels are cells: the grid's and the crop's begin and end together.
    places = start + (voxels + 0.5) * (stop - start) / np.array(case.prepared.shape) - 0.5
    _, nearest = cKDTree(labelled * spacing).query(places * spacing)
    of_voxels: NDArray[np.uint8] = drawn[tuple(labelled[nearest].T)]
    return of_voxels


def tube_of(case: CaseOnGrid, trees: Trees, radius: int = 2, *, by_slice: bool = False) -> NDArray[np.uint8]:
    """The tubed skeleton of each tree on the grid (Kirchhoff et al. 2024, Alg. 1): uint8 (*S), 1 in a tube.

    Args:
        case: its labels.
        trees: which labels are vessels; each tree is thinned by itself.
        radius: of the tube, voxels of the grid.
        by_slice: thin the slices of the first axis, each by itself, as a network of 2D patches sees them.
    """
    if not (by_slice or len(case.prepared) == 1):
        return tubed_skeleton_of_classes(case.prepared, trees, radius, case.spacing_mm).astype(np.uint8)
    slices = [tubed_skeleton_of_classes(each, trees, radius, case.spacing_mm[1:]) for each in case.prepared]
    return np.stack(slices).astype(np.uint8)

"""Where the vessels of a mask end: at which voxel, heading where, and how thick they are there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.branches import FloatArray, IntArray
from ramify.vessels.components import label_components
from ramify.vessels.curve_smoothing import heading
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.local_radius import local_radii_mm
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_quietly

_ONE_SCALE = ScaleSettings(quantiles=())


@dataclass(frozen=True, eq=False)
class VesselEnds:
    """The free ends of a mask's vessels, by its pruned centreline, and what they are ends of.

    Attributes:
        voxels: int (E, ndim), where the skeleton ends.
        headings: float (E, ndim), unit vectors of the way on, in mm; 0 where a vessel was thinned to a point.
        radii_mm: float (E,), of the vessel near its end.
        pieces: int (E,), of `labels`.
        labels: int32 (*S), the mask's pieces, 1 … N; 0 in the background.
        branches: int32 (*S), the branch that a voxel belongs to, 1 … ; 0 in the background.
        branch_radii_mm: float (n_branches,), of branch 1, 2, …
        spacing_mm: voxel size along each axis.
    """

    voxels: IntArray
    headings: FloatArray
    radii_mm: FloatArray
    pieces: IntArray
    labels: NDArray[np.int32]
    branches: NDArray[np.int32]
    branch_radii_mm: FloatArray
    spacing_mm: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.voxels)

    @classmethod
    def of(cls, mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> "VesselEnds":
        """Those of a mask, bool (*S), 2D or 3D; an empty mask has none."""
        labels, _ = label_components(mask)
        if not mask.any():
            nowhere, none = np.empty((0, mask.ndim)), np.empty(0)
            numbers = none.astype(np.int64)
            return cls(nowhere.astype(np.int64), nowhere, none, numbers, labels, labels, none, tuple(spacing_mm))
        vessels = decompose_quietly(mask, spacing_mm, _ONE_SCALE)
        paths, headings = _ways_out(vessels)
        voxels = np.array([path[0] for path in paths], dtype=np.int64).reshape(-1, mask.ndim)
        return cls(
            voxels,
            np.array(headings).reshape(-1, mask.ndim),
            _median_radii(paths, mask, spacing_mm),
            labels[tuple(voxels.T)].astype(np.int64),
            labels,
            vessels.branches,
            vessels.radii_mm,
            tuple(spacing_mm),
        )

    def thickness_mm(self, voxel: IntArray) -> float:
        """Radius of the branch that a voxel of the mask, int (ndim,), belongs to."""
        return float(self.branch_radii_mm[self.branches[tuple(voxel)] - 1])


def _ways_out(vessels: ScaleDecomposition) -> tuple[list[IntArray], list[FloatArray]]:
    """Of each free end the voxels behind it, over a diameter and two at least if there are so many, and its heading."""
    curves = vessels.centreline
    paths, headings = list[IntArray](), list[FloatArray]()
    for curve, branch in enumerate(curves.branches.tolist()):
        along = slice(curves.starts[curve], curves.starts[curve + 1])
        radius = vessels.radii_mm[branch - 1]
        for side, node in enumerate(curves.ends[curve].tolist()):
            degree = curves.degrees[node] if node >= 0 else 2
            # A vessel thinned to a point is one end.
            if degree > 1 or (degree == 0 and side == 1):
                continue
            backwards = slice(None, None, -1 if side else 1)
            gone = np.cumsum(curves.steps_mm[along][:-1][backwards])
            paths.append(curves.voxels[along][backwards][: 2 + int(np.searchsorted(gone, 2 * radius))])
            headings.append(heading(curves.points_mm[along][backwards], 4 * radius))
    return paths, headings


def _median_radii(paths: Sequence[IntArray], mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> FloatArray:
    """Median radius of the vessel over each path, float (E,)."""
    if not paths:
        return np.empty(0)
    radii = local_radii_mm(np.concatenate(paths), mask, spacing_mm)
    parts = np.split(radii, np.cumsum([len(path) for path in paths])[:-1])
    return np.array([np.median(part) for part in parts])

"""Decompose a vessel mask into scales: masks of small to large vessels (Sadikine et al. 2023, section 2.1)."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from vessels.distance import nearest_label

from vessels import spurs
from vessels.box import foreground_box
from vessels.branches import BoolArray, BranchGraph, FloatArray, IntArray, trace_branches
from vessels.radius import Wall, branch_medians, distance_radii, paper_local_radii, volume_radii
from vessels.skeleton import skeletonize

Estimator = Literal["paper", "distance", "volume"]
DEFAULT_ESTIMATOR: Estimator = "volume"


class ScaleWarning(UserWarning):
    """A decomposition that is valid but probably not what its settings were meant to give."""


class ScaleSettings(BaseModel, frozen=True, extra="forbid"):
    """How vessel masks are decomposed into scales."""

    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.25, 0.75)
    """Quantiles of a case's branch radii that separate its scales, rising: n of them give n + 1 scales."""
    estimator: Estimator = DEFAULT_ESTIMATOR
    """Radius of a branch: `paper` (Eq. 1 and 2), `distance` to the wall, or `volume` over length."""
    surface_neighbours: int = Field(default=8, ge=1)
    """Nearest surface voxels that the `paper` estimator takes (m in Eq. 1)."""
    prune_spurs: bool | None = None
    """Remove spurs shorter than the radius at their junction; unset: not with `paper`, but with the others."""


PAPER_SCALES = ScaleSettings(estimator="paper", prune_spurs=False)


@dataclass(frozen=True, eq=False)
class ScaleDecomposition:
    """Scales of a vessel mask and what they were made from.

    labels: uint8 (*S), 0 background, 1 (smallest vessels) .. S.
    branches: int32 (*S), 0 background, 1 .. n_branches.
    radii_mm: float64 (n_branches,); branch j's is `radii_mm[j - 1]`.
    thresholds_mm: S - 1 radii, rising; scale s holds the branches above the threshold s - 1 and not above s.
    skeleton: bool (*S), what pruning left of it.
    estimator: name of the estimator.
    notes: one line for each thing worth knowing, such as an empty scale.
    """

    labels: NDArray[np.uint8]
    branches: NDArray[np.int32]
    radii_mm: FloatArray
    thresholds_mm: tuple[float, ...]
    skeleton: BoolArray
    estimator: str
    notes: tuple[str, ...]


def decompose_scales(
    mask: BoolArray,
    spacing_mm: Sequence[float],
    quantiles: Sequence[float] = (0.25, 0.75),
    estimator: Estimator = DEFAULT_ESTIMATOR,
    prune_spurs: bool | None = None,
    surface_neighbours: int = 8,
) -> ScaleDecomposition:
    """Split a vessel mask into scales by the radii of its branches (Sadikine et al. 2023, section 2.1).

    Args:
        mask: bool (*S) of 2 or 3 dimensions, at least one voxel True.
        spacing_mm: voxel size along each axis, mm.
        quantiles: of the branch radii, rising, each in (0, 1); n of them give n + 1 scales, () gives one.
        estimator: `paper`, `distance` or `volume`.
        prune_spurs: whether spurs go; None: not with `paper`, but with the others.
        surface_neighbours: m of Eq. 1, for `paper`.

    Raises:
        ValueError: the mask is empty or not boolean, or a spacing, quantile or name is out of range.
    """
    spacing = _checked(mask, spacing_mm, quantiles, estimator)
    box = _roomy_box(mask)
    part = np.ascontiguousarray(mask[box])
    graph = trace_branches(skeletonize(part))
    wall = Wall(part, spacing)
    if prune_spurs if prune_spurs is not None else estimator != "paper":
        graph = spurs.prune_spurs(graph, wall.distance_mm(graph.voxels * np.array(spacing)), spacing)
    radii, branch_map = _measure(part, spacing, graph, wall, estimator, surface_neighbours)
    thresholds, notes = _thresholds(radii, quantiles)
    scale_of_branch = np.append(0, 1 + np.searchsorted(thresholds, radii, side="left")).astype(np.uint8)

    branches = np.zeros(mask.shape, dtype=np.int32)
    branches[box] = branch_map
    skeleton = np.zeros(mask.shape, dtype=bool)
    skeleton[box][tuple(graph.voxels.T)] = True
    return ScaleDecomposition(scale_of_branch[branches], branches, radii, thresholds, skeleton, estimator, notes)


def _measure(
    mask: BoolArray,
    spacing: tuple[float, ...],
    graph: BranchGraph,
    wall: Wall,
    estimator: Estimator,
    surface_neighbours: int,
) -> tuple[FloatArray, NDArray[np.int32]]:
    """Radius of each branch and the label map of the branches."""
    seeds = np.zeros(mask.shape, dtype=np.int32)
    seeds[tuple(graph.voxels.T)] = np.arange(1, len(graph.voxels) + 1)
    nearest = nearest_label(seeds, mask, spacing)
    if estimator == "paper":
        local = paper_local_radii(graph.voxels, mask, spacing, surface_neighbours)
        radii = branch_medians(local, graph.owner, graph.n_branches)
    elif estimator == "distance":
        radii = distance_radii(graph, wall, spacing)
    else:
        cells = np.bincount(nearest[mask] - 1, minlength=len(graph.voxels))
        radii = volume_radii(graph, cells[graph.order].astype(np.float64), wall, spacing)
    owner = with_junctions(graph, radii)
    return radii, np.append(0, owner + 1).astype(np.int32)[nearest]


def with_junctions(graph: BranchGraph, radii: FloatArray) -> IntArray:
    """Branch of each skeleton voxel, junctions going to the thickest branch that touches them (ties: the first)."""
    joined_branch, side = np.nonzero(graph.ends >= 0)
    cluster = graph.ends[joined_branch, side]
    ranked = np.lexsort((joined_branch, -radii[joined_branch], cluster))
    numbers, first = np.unique(cluster[ranked], return_index=True)
    thickest = np.full(int(graph.cluster.max(initial=-1)) + 2, -1)
    thickest[numbers] = joined_branch[ranked[first]]
    return np.where(graph.owner < 0, thickest[graph.cluster], graph.owner)


def _thresholds(radii: FloatArray, quantiles: Sequence[float]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Thresholds in mm at the quantiles of the branch radii, and notes on tied ones and on empty scales."""
    thresholds = tuple(float(threshold) for threshold in np.quantile(radii, quantiles)) if len(quantiles) else ()
    notes = []
    for lower in range(len(thresholds) - 1):
        if thresholds[lower] == thresholds[lower + 1]:
            notes.append(
                f"quantiles {quantiles[lower]:g} and {quantiles[lower + 1]:g} of the branch radii are both "
                f"{thresholds[lower]:g} mm: branches of that radius are in scale {lower + 1}, none in {lower + 2}"
            )
            warnings.warn(notes[-1], ScaleWarning, stacklevel=3)
    count = np.bincount(np.searchsorted(thresholds, radii, side="left"), minlength=len(thresholds) + 1)
    notes += [f"scale {scale} has no branch" for scale in np.flatnonzero(count == 0) + 1]
    return thresholds, tuple(notes)


def _checked(
    mask: BoolArray, spacing_mm: Sequence[float], quantiles: Sequence[float], estimator: str
) -> tuple[float, ...]:
    """The spacing as a tuple, once every argument is in range."""
    spacing = tuple(float(size) for size in spacing_mm)
    if mask.dtype != np.bool_:
        raise ValueError(f"vessel mask: expected a boolean array, got {mask.dtype}: compare it with a threshold first")
    if mask.ndim not in (2, 3) or len(spacing) != mask.ndim:
        raise ValueError(
            f"vessel mask: expected 2 or 3 dimensions and a spacing for each, got {mask.shape} and {spacing}"
        )
    if not all(np.isfinite(size) and size > 0 for size in spacing):
        raise ValueError(f"spacing_mm: expected positive numbers of millimetres, got {spacing}: correct the geometry")
    if not mask.any():
        raise ValueError("vessel mask: expected at least one vessel voxel, got an empty mask: leave this case out")
    if estimator not in get_args(Estimator):
        raise ValueError(f"estimator: expected one of {', '.join(get_args(Estimator))}, got {estimator!r}")
    if any(not 0 < quantile < 1 for quantile in quantiles) or list(quantiles) != sorted(set(quantiles)):
        raise ValueError(f"quantiles: expected rising numbers between 0 and 1, got {tuple(quantiles)}")
    return spacing


def _roomy_box(mask: BoolArray) -> tuple[slice, ...]:
    """The mask's box with one voxel of background around it, except where the volume ends."""
    return tuple(
        slice(max(side.start - 1, 0), min(side.stop + 1, size))
        for side, size in zip(foreground_box(mask), mask.shape, strict=True)
    )

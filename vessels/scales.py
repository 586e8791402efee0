"""Decompose a vessel mask into scales: masks of small to large vessels (Sadikine et al. 2023, section 2.1)."""

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, field_validator

from ramify.vessels import spurs
from ramify.vessels.box import foreground_box
from ramify.vessels.branches import FREE, BoolArray, BranchGraph, FloatArray, path_lengths, trace_branches, voxels_of
from ramify.vessels.distance import nearest_label
from ramify.vessels.orientation import Orientation, own_orientation
from ramify.vessels.radius import Wall, branch_medians, distance_radii, paper_local_radii, volume_radii
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.territory import deepest_branch, nearest_branch

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
    weigh_fragments: bool | None = None
    """Count branches without a junction by their length towards the quantiles; unset: as for prune_spurs."""

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        _check_rising(quantiles)
        return quantiles


PAPER_SCALES = ScaleSettings(estimator="paper", prune_spurs=False, weigh_fragments=False, surface_neighbours=8)


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
    weigh_fragments: bool | None = None,
    surface_neighbours: int = 8,
) -> ScaleDecomposition:
    """Split a vessel mask into scales by the radii of its branches (Sadikine et al. 2023, section 2.1).

    A branch is in scale s if its radius is above threshold s - 1 and not above threshold s. Equal thresholds leave the
    scale between them empty, which is warned of and noted. With `paper`, voxels go to the nearest skeleton voxel's
    branch; with the others to the branch they lie deepest in, and mirrored or transposed masks give the same scales.

    Args:
        mask: bool (*S) of 2 or 3 dimensions, at least one voxel True.
        spacing_mm: voxel size along each axis, mm.
        quantiles: of the branch radii, rising, each in (0, 1); n of them give n + 1 scales, () gives one.
        estimator: `paper`, `distance` or `volume`.
        prune_spurs: whether spurs shorter than the radius at their junction go; None: not with `paper`, but with
            the others.
        weigh_fragments: whether a branch without a junction counts by its length towards the quantiles; None: as above.
        surface_neighbours: m of Eq. 1, for `paper`.

    Raises:
        ValueError: the mask is empty or not boolean, or a spacing, quantile or name is out of range.
    """
    spacing = _checked(mask, spacing_mm, quantiles, estimator, surface_neighbours)
    refined = estimator != "paper"
    box = _roomy_box(mask)
    pose = own_orientation(mask[box], spacing) if refined else Orientation.as_stored(mask.ndim)
    part, spacing = np.ascontiguousarray(pose.lay(mask[box])), pose.lay_sizes(spacing)
    graph, wall = trace_branches(skeletonize(part)), Wall(part, spacing)
    if prune_spurs or (prune_spurs is None and refined):
        graph = spurs.prune_spurs(graph, wall.distance_mm(graph.voxels * np.array(spacing)), spacing)
    nearest = _nearest_skeleton_voxel(graph, part, spacing)
    if refined:
        radii, territory = _refined_branches(wall, graph, nearest, estimator)
    else:
        local = paper_local_radii(graph.voxels, part, spacing, surface_neighbours)
        radii = branch_medians(local, graph.owner, graph.n_branches)
        territory = nearest_branch(graph, radii, nearest)

    weigh = weigh_fragments or (weigh_fragments is None and refined)
    counts = _counts(graph, radii, spacing) if weigh else np.ones(graph.n_branches)
    thresholds = tuple(_weighted_quantiles(radii, counts, quantiles).tolist())
    scale = 1 + np.searchsorted(np.array(thresholds), radii, side="left")
    labels, branches, skeleton = (np.zeros(mask.shape, dtype=dtype) for dtype in (np.uint8, np.int32, np.bool_))
    # Vessels are few among the voxels: written one by one, through views that undo the orientation.
    vessel = tuple(voxels_of(part).T)
    pose.lay(branches[box])[vessel] = territory[vessel]
    pose.lay(labels[box])[vessel] = scale[territory[vessel] - 1]
    pose.lay(skeleton[box])[tuple(graph.voxels.T)] = True
    notes = _notes(radii, scale, thresholds, quantiles)
    return ScaleDecomposition(labels, branches, radii, thresholds, skeleton, estimator, notes)


def _nearest_skeleton_voxel(graph: BranchGraph, mask: BoolArray, spacing: tuple[float, ...]) -> NDArray[np.int32]:
    """Number from 1 of the nearest skeleton voxel in each voxel's component, 0 in the background."""
    seeds = np.zeros(mask.shape, dtype=np.int32)
    seeds[tuple(graph.voxels.T)] = np.arange(1, len(graph.voxels) + 1)
    return nearest_label(seeds, mask, spacing)


def _refined_branches(
    wall: Wall, graph: BranchGraph, nearest: NDArray[np.int32], estimator: Estimator
) -> tuple[FloatArray, NDArray[np.int32]]:
    """Radius of each branch by `distance` or `volume`, and the label map of the branches."""
    if estimator == "distance":
        radii = distance_radii(graph, wall)
    else:
        cells = np.bincount(nearest[wall.mask] - 1, minlength=len(graph.voxels))
        radii = volume_radii(graph, cells, wall)
    return radii, deepest_branch(graph, radii, nearest, wall.spacing_mm)


def _counts(graph: BranchGraph, radii: FloatArray, spacing: tuple[float, ...]) -> FloatArray:
    """For how many branches each stands: a piece of thin vessel that broke off for less than one.

    A vessel thinner than a slice is thick falls to pieces, each a component of its own; counted as branches, they would
    pull every quantile to the thinnest vessels. A branch without a junction whose radius is below the coarsest voxel
    side counts by its length, at most once, in units of the median length of the branches at junctions; without any
    such, of three quarters of the length L for which half of all vessel length is in branches of at least L.
    """
    length = path_lengths(graph, spacing) + 2 * radii
    alone = np.all(graph.ends == FREE, axis=1)
    if alone.all():
        falling = np.sort(length)[::-1]
        unit = 0.75 * falling[np.searchsorted(np.cumsum(falling), falling.sum() / 2)]
    else:
        unit = np.median(path_lengths(graph, spacing)[~alone])
    return np.where(alone & (radii < max(spacing)), np.minimum(1.0, length / unit), 1.0)


def _weighted_quantiles(values: FloatArray, counts: FloatArray, quantiles: Sequence[float]) -> FloatArray:
    """Quantiles by linear interpolation, each value standing for `counts` of its like; `np.quantile` if all are one."""
    if np.all(counts == 1):
        return np.quantile(values, quantiles)
    ranked = np.argsort(values, kind="stable")
    rank = np.cumsum(counts[ranked]) - (counts[ranked] + counts[ranked[0]]) / 2
    return np.interp(quantiles, rank / rank[-1], values[ranked])


def _notes(
    radii: FloatArray, scale: NDArray[np.integer], thresholds: tuple[float, ...], quantiles: Sequence[float]
) -> tuple[str, ...]:
    """Lines on tied thresholds, of which a warning is given too, and on scales without a branch."""
    notes = []
    for lower, (one, other) in enumerate(itertools.pairwise(thresholds)):
        if one == other:
            share = float(np.mean(radii == one))
            notes.append(
                f"quantiles {quantiles[lower]:g} and {quantiles[lower + 1]:g} of the branch radii are both {one:g} mm, "
                f"as {share:.0%} of the branches have it: these are in scale {lower + 1}, scale {lower + 2} is empty"
            )
            warnings.warn(notes[-1], ScaleWarning, stacklevel=3)
    held = np.bincount(scale, minlength=len(thresholds) + 2)[1:]
    return (*notes, *(f"scale {empty} has no branch" for empty in np.flatnonzero(held == 0) + 1))


def _checked(
    mask: BoolArray, spacing_mm: Sequence[float], quantiles: Sequence[float], estimator: str, surface_neighbours: int
) -> tuple[float, ...]:
    """The spacing as a tuple, once every argument is in range."""
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        came = f"dtype {mask.dtype}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ValueError(f"vessel mask: expected a boolean array, got {came}; compare first, as in labels > 0")
    spacing = tuple(float(size) for size in spacing_mm)
    if mask.ndim not in (2, 3) or len(spacing) != mask.ndim or not all(0 < size < np.inf for size in spacing):
        raise ValueError(
            f"vessel mask: expected 2 or 3 dimensions and a positive spacing_mm for each, "
            f"got shape {mask.shape} and spacing {spacing}; correct the geometry"
        )
    if not mask.any():
        raise ValueError("vessel mask: expected at least one vessel voxel, got an empty mask; leave this case out")
    if estimator not in get_args(Estimator):
        raise ValueError(f"estimator: expected one of {', '.join(get_args(Estimator))}, got {estimator!r}")
    if surface_neighbours < 1:
        raise ValueError(f"surface_neighbours: expected 1 or more, got {surface_neighbours}; the paper has 8")
    _check_rising(quantiles)
    return spacing


def _check_rising(quantiles: Sequence[float]) -> None:
    if list(quantiles) != sorted(set(quantiles)) or any(not 0 < quantile < 1 for quantile in quantiles):
        raise ValueError(f"quantiles: expected rising numbers between 0 and 1, got {tuple(quantiles)}; sort them")


def _roomy_box(mask: BoolArray) -> tuple[slice, ...]:
    """The mask's box with one voxel of background around it, except where the volume ends."""
    return tuple(
        slice(max(side.start - 1, 0), min(side.stop + 1, size))
        for side, size in zip(foreground_box(mask), mask.shape, strict=True)
    )

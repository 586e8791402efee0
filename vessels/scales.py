"""Decompose a vessel mask into scales: masks of small to large vessels (Sadikine et al. 2023, section 2.1)."""

import itertools
import warnings
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.box import foreground_box
from ramify.vessels.branches import BoolArray, BranchGraph, FloatArray, IntArray
from ramify.vessels.decomposition import ScaleDecomposition, scales_of
from ramify.vessels.estimators import ESTIMATORS, grow_tree
from ramify.vessels.masks import check_boolean
from ramify.vessels.orientation import Orientation, own_orientation
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings
from ramify.vessels.sparse_zeros import sparse_zeros
from ramify.vessels.thresholds import counts_inside, counts_of_branches, weighted_quantiles, with_neighbours_radii

Name = TypeVar("Name", bound=Hashable)
# Radii that differ by less than this share of them are one size: no estimator tells them apart.
_HARDLY_APART = 0.02


class ScaleWarning(UserWarning):
    """A decomposition that is valid but probably not what its settings were meant to give.

    Examples:
        >>> import warnings
        >>> import numpy as np
        >>> from ramify.vessels import ScaleWarning, decompose_scales
        >>> mask = np.zeros((9, 9, 20), bool)
        >>> mask[3:6, 3:6] = True  # one branch for three scales
        >>> with warnings.catch_warnings(record=True, action="always") as caught:
        ...     scales = decompose_scales(mask, (1.0, 1.0, 1.0))
        ...
        >>> caught[0].category is ScaleWarning
        True
    """


def decompose_scales(
    mask: BoolArray,
    spacing_mm: Sequence[float],
    settings: ScaleSettings = DEFAULT_SCALES,
    region: BoolArray | None = None,
    keep_bridges: bool = False,
) -> ScaleDecomposition:
    """Split a vessel mask into scales by the radii of its branches (Sadikine et al. 2023, section 2.1).

    A branch is in scale s if its radius is above threshold s - 1 and not above threshold s. Equal thresholds, or a last
    one equal to the largest radius, leave a scale empty, which is warned of and noted. With `paper`, voxels go to the
    nearest skeleton voxel's branch; with the others to the branch they lie deepest in, and mirrored or transposed masks
    give the same scales.

    Args:
        mask: bool (*S) of 2 or 3 dimensions, at least one voxel True.
        spacing_mm: voxel size along each axis, mm.
        settings: quantiles and estimator of the branch radii, and what counts as a branch.
        region: bool (*S), such as an organ; the thresholds then come from what of the branches lies inside it. Branches
            outside, of vessels that only pass by, count for nothing and are in a scale all the same. None: everywhere.
        keep_bridges: where spurs are pruned, leave what joins two junctions, as `vessels.spurs.prune_spurs` has it.

    Raises:
        ValueError: the mask is empty or not boolean, a spacing is out of range, settings are no `ScaleSettings`, the
            region is not boolean, has another shape or holds no vessel.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import ScaleSettings, decompose_scales
        >>> mask = np.zeros((20, 20, 40), bool)
        >>> mask[2:5, 2:5] = True  # a thin vessel
        >>> mask[9:18, 9:18] = True  # and a thick one
        >>> scales = decompose_scales(mask, (1.0, 1.0, 1.0), ScaleSettings(quantiles=(0.5,)))
        >>> scales.scale_map[3, 3, 20].item(), scales.scale_map[13, 13, 20].item()  # small, large
        (1, 2)
    """
    spacing = _checked(mask, spacing_mm, settings, region)
    found = _measured(mask, spacing, settings, region, keep_bridges)
    thresholds = tuple(weighted_quantiles(found.radii, found.counts, settings.quantiles).tolist())

    # Vessels are few among the voxels: written one by one.
    scale_map, branches, skeleton = (sparse_zeros(mask.shape, dtype) for dtype in (np.uint8, np.int32, np.bool_))
    branches[found.vessel] = found.branch
    scale_map[found.vessel] = scales_of(found.radii, thresholds)[found.branch - 1]
    skeleton[found.centre] = True
    ties, told = _ties(found.radii, found.counts, thresholds, settings.quantiles)
    for tie in ties:
        warnings.warn(tie, ScaleWarning, stacklevel=2)
    return ScaleDecomposition(
        scale_map,
        branches,
        found.radii,
        found.counts,
        thresholds,
        skeleton,
        settings.estimator,
        notes=(*ties, *_empty_scales(found.radii, found.counts, thresholds, told)),
        graph=found.graph,
        measure_depth=found.measure_depth,
        spacing_mm=spacing,
        extent=tuple(slice(0, size) for size in mask.shape),
    )


class _Measured(NamedTuple):
    """Branches of a mask, where they are and how wide; maps are made of it once no other volume is held.

    radii, counts: float (n_branches,). vessel: indices of the mask's voxels; branch: int32 (N,), from 1, of each.
    centre: indices of the skeleton's voxels that are in the mask. graph: over voxels of the mask.
    """

    radii: FloatArray
    counts: FloatArray
    vessel: tuple[IntArray, ...]
    branch: NDArray[np.int32]
    centre: tuple[IntArray, ...]
    graph: BranchGraph
    measure_depth: Callable[[], FloatArray]


def _measured(
    mask: BoolArray, spacing: tuple[float, ...], settings: ScaleSettings, region: BoolArray | None, keep_bridges: bool
) -> _Measured:
    """What a branch is, how wide it is, and which voxels are its own."""
    estimator = ESTIMATORS[settings.estimator]
    box = foreground_box(mask, margin=1)
    pose = own_orientation(mask[box], spacing) if estimator.turned_first else Orientation.as_stored(mask.ndim)
    part, spacing = np.ascontiguousarray(pose.lay(mask[box])), pose.lay_sizes(spacing)

    without_spurs = _chosen(settings.prune_spurs, estimator.prune_spurs)
    tree = grow_tree(part, spacing, without_spurs, settings.largest_cavity_mm3, keep_bridges)
    radii, weigh = estimator.radii_mm(tree, settings), settings.weigh or estimator.weigh
    if weigh == "length":
        radii = with_neighbours_radii(tree, radii)
    # Without the voxels of cavities that were filled.
    own = part.reshape(-1)[tree.rows.places]
    branch, laid = estimator.territory(tree, radii)[own], tree.rows.voxels()[own]

    corner, last = (np.array([getattr(side, end) for side in box]) for end in ("start", "stop"))
    vessel = tuple((pose.restore_points(laid, last - corner - 1) + corner).T)
    stored = pose.restore_points(tree.graph.voxels, last - corner - 1) + corner
    centre = tuple(stored[part[tuple(tree.graph.voxels.T)]].T)

    # Which scale it is in, by what lies in the region.
    counts = counts_of_branches(tree, weigh)
    if region is not None:
        counts = counts_inside(tree, counts, branch, region[vessel], weigh)
    depth = partial(tree.wall.distance_mm, tree.graph.voxels * np.array(spacing))
    return _Measured(radii, counts, vessel, branch, centre, replace(tree.graph, voxels=stored), depth)


def decompose_quietly(
    mask: BoolArray,
    spacing_mm: Sequence[float],
    settings: ScaleSettings = DEFAULT_SCALES,
    region: BoolArray | None = None,
    keep_bridges: bool = False,
) -> ScaleDecomposition:
    """`decompose_scales` without its warnings, for whoever tells the notes, where they are as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScaleWarning)
        return decompose_scales(mask, spacing_mm, settings, region, keep_bridges)


def with_shared_thresholds(
    parts: Mapping[Name, ScaleDecomposition], settings: ScaleSettings
) -> tuple[dict[Name, ScaleDecomposition], tuple[str, ...]]:
    """Decompositions of several masks, by thresholds over the branches of all of them where the settings share them.

    Returns:
        The parts by their names, their notes on scales that they have no branch of, as they were where nothing is
        shared; and the notes on what holds for all together.
    """
    if not settings.shared_thresholds or len(parts) < 2:
        return dict(parts), ()
    quantiles = settings.quantiles
    radii, counts = (np.concatenate([getattr(part, of) for part in parts.values()]) for of in ("radii_mm", "counts"))
    thresholds = tuple(weighted_quantiles(radii, counts, quantiles).tolist())
    shared = {}
    for name, part in parts.items():
        scale_of = np.concatenate(([0], scales_of(part.radii_mm, thresholds))).astype(np.uint8)
        notes = _empty_scales(part.radii_mm, part.counts, thresholds)
        shared[name] = replace(part, scale_map=scale_of[part.branches], thresholds_mm=thresholds, notes=notes)
    ties, told = _ties(radii, counts, thresholds, quantiles)
    return shared, (*ties, *_empty_scales(radii, counts, thresholds, told))


def _checked(
    mask: BoolArray, spacing_mm: Sequence[float], settings: ScaleSettings, region: BoolArray | None
) -> tuple[float, ...]:
    """The spacing as a tuple, once mask, spacing, settings and region are in range."""
    if not isinstance(settings, ScaleSettings):
        raise ValueError(
            f"settings: expected ScaleSettings, got {type(settings).__name__}; such as ScaleSettings(quantiles=(0.5,))"
        )
    check_boolean(mask, "vessel mask")
    try:
        spacing = tuple(float(size) for size in spacing_mm)
    except (TypeError, ValueError):
        raise ValueError(
            f"spacing_mm: expected a number for each of the mask's {mask.ndim} axes, got {spacing_mm!r}; "
            f"such as {(1.0,) * mask.ndim}"
        ) from None
    if mask.ndim not in (2, 3) or len(spacing) != mask.ndim or not all(0 < size < np.inf for size in spacing):
        raise ValueError(
            f"vessel mask: expected 2 or 3 dimensions and a positive spacing_mm for each, "
            f"got shape {mask.shape} and spacing {spacing}; correct the geometry"
        )
    if not mask.any():
        raise ValueError("vessel mask: expected at least one vessel voxel, got an empty mask; leave this case out")
    if region is not None:
        check_boolean(region, "region")
        if region.shape != mask.shape:
            raise ValueError(
                f"region: expected the vessel mask's shape {mask.shape}, got {region.shape}; cut both alike"
            )
        if not np.any(mask & region):
            raise ValueError("region: no vessel voxel lies inside it; check the organ mask, or leave this case out")
    return spacing


def _chosen(setting: bool | None, default: bool) -> bool:
    return default if setting is None else setting


def _ties(
    radii: FloatArray, counts: FloatArray, thresholds: tuple[float, ...], quantiles: Sequence[float]
) -> tuple[list[str], set[int]]:
    """Lines on tied thresholds, and the scales that they say are empty."""
    radii, counts = radii[counts > 0], counts[counts > 0]

    ties, told, first = list[str](), set[int](), 0
    for radius, run in itertools.groupby(thresholds):
        tied = quantiles[first : first + len(list(run))]
        largest = radius == radii.max()
        # Between equal thresholds no radius can be, nor above the largest one.
        empty = range(first + 2, first + 1 + len(tied) + largest)
        if empty:
            told |= {*empty}
            share = counts[radii == radius].sum() / counts.sum()
            what = f"{_quantiles_are(tied)} {'the largest of them, ' if largest else ''}{radius:g} mm"
            scales = _joined("scale", [str(number) for number in empty])
            ties.append(
                f"{what}, as {share:.0%} of the vessels have it: these are in scale {first + 1}, {scales} "
                f"{'is' if len(empty) == 1 else 'are'} empty"
            )
        first += len(tied)
    ties += [
        f"quantiles {quantiles[lower]:g} and {quantiles[lower + 1]:g} of the branch radii are hardly apart, {one:.4g} "
        f"and {other:.4g} mm: vessels of one size are in scales {lower + 1} to {lower + 3}"
        for lower, (one, other) in enumerate(itertools.pairwise(thresholds))
        if one < other <= one * (1 + _HARDLY_APART)
    ]
    return ties, told


def _quantiles_are(tied: Sequence[float]) -> str:
    """The beginning of a line on quantiles that are one radius."""
    named = _joined("quantile", [f"{quantile:g}" for quantile in tied])
    return f"{named} of the branch radii {('is', 'are both', 'are all')[min(len(tied), 3) - 1]}"


def _joined(noun: str, numbers: Sequence[str]) -> str:
    """`scale 2`, `scales 2 and 3`, `scales 2, 3 and 4`."""
    *others, last = numbers
    return f"{noun}s {', '.join(others)} and {last}" if others else f"{noun} {last}"


def _empty_scales(
    radii: FloatArray, counts: FloatArray, thresholds: tuple[float, ...], told: Collection[int] = ()
) -> tuple[str, ...]:
    """Lines on scales without a branch that counts, but for those that are told of already."""
    held = np.bincount(scales_of(radii[counts > 0], thresholds), minlength=len(thresholds) + 2)[1:]
    return tuple(f"scale {empty} has no branch" for empty in np.flatnonzero(held == 0) + 1 if empty not in told)

"""Gaps that a prediction leaves in a vessel, and the bridges that close them.

An end of a vessel is joined to another piece where that lies within reach ahead of it, where no voxel of the way there
is one that the network all but rules out, and where the other side looks the right way: an end that faces this one, or
the side of a vessel that is not much thinner. Pieces alone are joined, so that no bridge closes a circle.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.graph import MCP_Geometric

from ramify.vessels.box import foreground_box
from ramify.vessels.branches import FloatArray, IntArray
from ramify.vessels.vessel_ends import VesselEnds

Mask = NDArray[np.bool_]

LIKELY = 0.1
"""A bridge is as likely as its least likely voxel, and no less than this."""
_AHEAD = math.cos(math.radians(45))
"""What lies ahead of an end lies in a cone of this half-angle about its heading."""
_FACING = math.cos(math.radians(60))
"""An end faces another one that lies in a cone of this half-angle about its heading."""
_LEAST_THICKNESS = 0.5
"""A vessel that another one joins from the side has at least this share of its radius."""


class Bridge(NamedTuple):
    """What joins two pieces of a vessel.

    Attributes:
        voxels: int (N, ndim), its centreline in the gap, from end to end.
        radii_mm: float (N,), of the vessel at each.
        length_mm: of the gap: from the last voxel of one piece to the first of the other.
        likelihood: the least probability along it.
    """

    voxels: IntArray
    radii_mm: FloatArray
    length_mm: float
    likelihood: float


class _Crossing(NamedTuple):
    """A bridge that could be, and what it would join."""

    bridge: Bridge
    pieces: tuple[int, int]


def find_bridges(
    ends: VesselEnds, probabilities: NDArray[np.float32], reach_mm: float, free: Mask | None = None
) -> list[Bridge]:
    """The bridges between the pieces of a mask, shortest first.

    Args:
        ends: of the mask's vessels.
        probabilities: of vessel, float (*S).
        reach_mm: length of the longest gap.
        free: where a bridge may lie, bool (*S); None: everywhere. Elsewhere is what is of another class.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels.bridges import find_bridges
        >>> from ramify.vessels.vessel_ends import VesselEnds
        >>> mask = np.zeros((9, 9, 30), bool)
        >>> mask[3:6, 3:6, 2:28] = True
        >>> likely = np.where(mask, 0.9, 0.01).astype(np.float32)
        >>> mask[..., 13:17], likely[3:6, 3:6, 13:17] = False, 0.3
        >>> bridge, = find_bridges(VesselEnds.of(mask, (1.0, 1.0, 1.0)), likely, reach_mm=8.0)
        >>> bridge.length_mm, round(bridge.likelihood, 2)
        (5.0, 0.3)
    """
    crossings = [
        crossing for end in range(len(ends)) for crossing in _crossings(ends, end, probabilities, reach_mm, free)
    ]
    crossings.sort(key=lambda each: (each.bridge.length_mm, -each.bridge.likelihood, each.pieces))
    taken, group = list[Bridge](), np.arange(1 + int(ends.labels.max(initial=0)))
    for bridge, (one, other) in crossings:
        if group[one] != group[other]:
            group[group == group[other]] = group[one]
            taken.append(bridge)
    return taken


def bridged(
    mask: Mask,
    probabilities: NDArray[np.float32],
    spacing_mm: Sequence[float],
    reaches_mm: Sequence[float],
    free: Mask | None = None,
) -> list[Mask]:
    """A mask with its gaps bridged, once for each length of the longest gap; the mask itself where there is no bridge.

    Args:
        mask: bool (*S), 2D or 3D.
        probabilities: of vessel, float (*S).
        spacing_mm: voxel size along each array axis.
        reaches_mm: lengths of the longest gap; 0 bridges none.
        free: where a bridge may lie, bool (*S); None: everywhere. Elsewhere is what is of another class.
    """
    if not any(reaches_mm):
        return [mask for _ in reaches_mm]
    # Vessels are a small part of a CT, and no bridge leads farther from them than it is long.
    box = foreground_box(mask, margin=1 + math.ceil(max(reaches_mm) / min(spacing_mm)))
    part, there = mask[box], None if free is None else free[box]
    ends = VesselEnds.of(part, spacing_mm)
    found = list[Mask]()
    for reach in reaches_mm:
        bridges = find_bridges(ends, probabilities[box], reach, there) if reach else []
        found.append(mask.copy() if bridges else mask)
        if bridges:
            found[-1][box] = with_bridges(part, bridges, spacing_mm, there)
    return found


def with_bridges(mask: Mask, bridges: Sequence[Bridge], spacing_mm: Sequence[float], free: Mask | None = None) -> Mask:
    """A mask (*S) with bridges in it, as wide as the vessels that they join; free: where they may lie, bool (*S)."""
    joined = mask.copy()
    for voxel, radius in itertools.chain.from_iterable(zip(bridge.voxels, bridge.radii_mm) for bridge in bridges):
        box = _box_around(voxel, radius, mask.shape, spacing_mm)
        ball = _distances_mm(voxel, box, spacing_mm) <= max(radius, min(spacing_mm) / 2)
        joined[box] |= ball if free is None else ball & free[box]
    return joined


def _crossings(
    ends: VesselEnds, end: int, probabilities: NDArray[np.float32], reach_mm: float, free: Mask | None
) -> Iterator[_Crossing]:
    """Every way from an end to another piece that would do; a crumb that heads nowhere is only led to."""
    start, own, heading = ends.voxels[end], int(ends.pieces[end]), ends.headings[end]
    if not heading.any():
        return
    # The end of the skeleton lies about a radius behind the end of the mask.
    box = _box_around(start, reach_mm + 2 * ends.radii_mm[end], ends.labels.shape, ends.spacing_mm)
    labels = ends.labels[box]
    others = np.setdiff1d(labels, (0, own))
    if not others.size:
        return
    offset = np.array([side.start for side in box])
    passable = probabilities[box] >= LIKELY if free is None else (probabilities[box] >= LIKELY) & free[box]
    cost = 1e-2 - np.log(np.clip(probabilities[box].astype(np.float64), LIKELY, 1.0))
    cost[~(passable | (labels > 0)) | ~_ahead(start, heading, box, ends.spacing_mm)] = np.inf
    search = MCP_Geometric(cost, sampling=ends.spacing_mm)
    total, _ = search.find_costs([tuple(start - offset)])
    for other in others.tolist():
        arrival = np.where(labels == other, total, np.inf)
        if not np.isfinite(arrival.min()):
            continue
        way = np.array(search.traceback(np.unravel_index(int(np.argmin(arrival)), arrival.shape)))
        of_way = labels[tuple(way.T)]
        steps = np.flatnonzero(of_way == 0)
        # Through a third piece it is two bridges; back through a piece it has left it is none.
        if set(of_way.tolist()) != {0, own, other} or len(steps) != steps[-1] - steps[0] + 1:
            continue
        across = (way + offset)[steps[0] - 1 : steps[-1] + 2]
        length = float(np.linalg.norm(np.diff(across, axis=0) * ends.spacing_mm, axis=1).sum())
        radius = _radius_beyond(ends, end, across[-1])
        if length <= reach_mm and radius is not None:
            radii = np.linspace(ends.radii_mm[end], radius, len(across))[1:-1]
            likelihood = float(probabilities[tuple(across[1:-1].T)].min())
            yield _Crossing(Bridge(across[1:-1], radii, length, likelihood), (own, other))


def _radius_beyond(ends: VesselEnds, end: int, arrival: IntArray) -> float | None:
    """Radius of a bridge where it arrives from an end: that of an end that faces it, else its own at a vessel's side.

    None at a vessel too thin to be left or fed there.
    """
    spacing = np.array(ends.spacing_mm)
    others = np.flatnonzero(ends.pieces == ends.labels[tuple(arrival)])
    apart = np.linalg.norm((ends.voxels[others] - arrival) * spacing, axis=1)
    across = (ends.voxels[end] - ends.voxels[others]) * spacing
    along = (ends.headings[others] * across).sum(axis=1)
    faces = (along >= _FACING * np.linalg.norm(across, axis=1)) | ~ends.headings[others].any(axis=1)
    faces &= apart <= 2 * np.maximum(ends.radii_mm[others], spacing.max())
    if faces.any():
        return float(ends.radii_mm[others[faces]][np.argmin(apart[faces])])
    own = float(ends.radii_mm[end])
    return own if ends.thickness_mm(arrival) >= _LEAST_THICKNESS * own else None


def _box_around(
    voxel: IntArray, reach_mm: float, shape: Sequence[int], spacing_mm: Sequence[float]
) -> tuple[slice, ...]:
    steps = [math.ceil(reach_mm / side) for side in spacing_mm]
    return tuple(slice(max(0, at - n), min(size, at + n + 1)) for at, n, size in zip(voxel.tolist(), steps, shape))


def _offsets_mm(voxel: IntArray, box: tuple[slice, ...], spacing_mm: Sequence[float]) -> list[FloatArray]:
    """From a voxel to all those of a box, along each axis, as an open grid."""
    axes = [(np.arange(side.start, side.stop) - at) * mm for side, at, mm in zip(box, voxel.tolist(), spacing_mm)]
    return list(np.ix_(*axes))


def _distances_mm(voxel: IntArray, box: tuple[slice, ...], spacing_mm: Sequence[float]) -> FloatArray:
    squared: FloatArray = sum(np.square(axis) for axis in _offsets_mm(voxel, box, spacing_mm))  # type: ignore[assignment]
    return np.sqrt(squared)


def _ahead(voxel: IntArray, heading: FloatArray, box: tuple[slice, ...], spacing_mm: Sequence[float]) -> Mask:
    """Which voxels of a box lie ahead of one, itself among them."""
    along = sum(axis * part for axis, part in zip(_offsets_mm(voxel, box, spacing_mm), heading))
    ahead: Mask = along >= _AHEAD * _distances_mm(voxel, box, spacing_mm)
    return ahead

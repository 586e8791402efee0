"""The compiled steps of tree growth: where a terminal joins a tree most cheaply, and whether there is room for it.

Everything is in three dimensions; a 2D region is one lattice point thick and its third coordinate never moves.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vessels.rasterise import squared_distance_to_segment

# How many of the nearest vessels are tried for a terminal, and how far the joint's search goes.
_CANDIDATES = 16
_WEISZFELD_STEPS = 40


class Forest(NamedTuple):
    """Trees while they grow. A segment is a vessel between two nodes; arrays are filled up to `counts`.

    Flows are shares of the finished tree's flow, so radii here only ever grow and end as the finished tree's.
    """

    counts: NDArray[np.int64]  # (2,) nodes and segments so far
    nodes: NDArray[np.float64]  # (N, 3) mm
    start: NDArray[np.int64]  # (M,) upstream node of a segment
    end: NDArray[np.int64]  # (M,) downstream node
    parent: NDArray[np.int64]  # (M,) segment upstream, -1 at a root
    tree: NDArray[np.int64]  # (M,)
    flow: NDArray[np.float64]  # (M,)
    room: NDArray[np.float64]  # (M,) mm, the largest radius that stays inside the region
    gap: NDArray[np.float32]  # (M, M) mm between centrelines of different trees, inf within a tree
    tree_flow: NDArray[np.float64]  # (T,) flow so far
    root_radius: NDArray[np.float64]  # (T,) mm
    depth: NDArray[np.float64]  # (Z, Y, X) mm below the surface
    step: NDArray[np.float64]  # (3,) mm
    exponent: float  # Murray's
    clearance: float  # mm between walls of different trees
    margin: float  # mm between a wall and the surface


@njit(cache=True)
def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> Any:
    """Distance of two points."""
    return np.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2)


@njit(cache=True)
def _segment_distance(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Distance of the segments a-b and c-d: an end against the other segment, or two inner points."""
    best = min(
        min(squared_distance_to_segment(a[0], a[1], a[2], c, d), squared_distance_to_segment(b[0], b[1], b[2], c, d)),
        min(squared_distance_to_segment(c[0], c[1], c[2], a, b), squared_distance_to_segment(d[0], d[1], d[2], a, b)),
    )
    u, v, w = b - a, d - c, a - c
    uu, uv, vv = (u * u).sum(), (u * v).sum(), (v * v).sum()
    uw, vw = (u * w).sum(), (v * w).sum()
    spread = uu * vv - uv * uv
    if spread > 1e-12 * uu * vv:
        along, across = (uv * vw - vv * uw) / spread, (uu * vw - uv * uw) / spread
        if 0.0 < along < 1.0 and 0.0 < across < 1.0:
            inner = w + along * u - across * v
            best = min(best, (inner * inner).sum())
    return np.sqrt(best)


@njit(cache=True)
def depth_at(depth: Any, step: Any, point: Any) -> Any:
    """Depth below the surface at a point, linear between lattice points, that of the nearest beyond them."""
    value = 0.0
    low = np.zeros(3, np.int64)
    part = np.zeros(3)
    for axis in range(3):
        place = min(max(point[axis] / step[axis] - 0.5, 0.0), depth.shape[axis] - 1.0)
        low[axis] = min(int(place), max(depth.shape[axis] - 2, 0))
        part[axis] = place - low[axis]
    for corner in range(8):
        i, j, k = corner >> 2, (corner >> 1) & 1, corner & 1
        weight = (part[0] if i else 1 - part[0]) * (part[1] if j else 1 - part[1]) * (part[2] if k else 1 - part[2])
        if weight > 0.0:
            value += weight * depth[low[0] + i, low[1] + j, low[2] + k]
    return value


@njit(cache=True)
def _radius(forest: Any, tree: int, flow: float) -> Any:
    """Murray's law: radius of a vessel with that share of its tree's flow."""
    return forest.root_radius[tree] * flow ** (1.0 / forest.exponent)


@njit(cache=True)
def _expected_radius(forest: Any, tree: int, flow: float) -> Any:
    """Radius that a segment will have if it keeps its share of the flow until the tree is finished."""
    return _radius(forest, tree, min(1.0, flow / forest.tree_flow[tree]))


@njit(cache=True)
def _joint(a: Any, b: Any, p: Any, weights: Any) -> Any:
    """Point with the least weighted distance to a, b and p (Weiszfeld 1937): the cheapest place to fork."""
    ends = (a, b, p)
    joint = (weights[0] * a + weights[1] * b + weights[2] * p) / weights.sum()
    for _ in range(_WEISZFELD_STEPS):
        total, pull = 0.0, np.zeros(3)
        for i in range(3):
            share = weights[i] / max(_distance(joint, ends[i]), 1e-9)
            total += share
            pull += share * ends[i]
        moved = _distance(joint, pull / total)
        joint = pull / total
        if moved < 1e-6:
            break
    return joint


@njit(cache=True)
def _away_from(joint: Any, end: Any, others: Any, least: float) -> Any:
    """The joint, moved away from a segment's end if it lies nearer than the least length of a vessel."""
    if _distance(joint, end) >= least:
        return joint
    return end + least * (others - end) / max(_distance(others, end), 1e-9)


@njit(cache=True)
def _connection(forest: Any, segment: int, p: Any, flow: float) -> Any:
    """What joining p to a segment adds to the tree's volume (over pi, root 1 mm), and where; inf: it cannot."""
    a, b = forest.nodes[forest.start[segment]], forest.nodes[forest.end[segment]]
    tree, carried, power = forest.tree[segment], forest.flow[segment], 2.0 / forest.exponent
    weights = np.array([(carried + flow) ** power, carried**power, flow**power])
    least = _radius(forest, tree, carried + flow)
    joint = _joint(a, b, p, weights)
    joint = _away_from(joint, a, 0.5 * (b + p), least)
    joint = _away_from(joint, b, 0.5 * (a + p), least)
    short = min(_distance(a, joint), _distance(joint, b))
    if short < 0.99 * least or _distance(joint, p) < 2.0 * least:
        return np.inf, joint
    cost = weights[0] * _distance(a, joint) + weights[1] * _distance(joint, b) + weights[2] * _distance(joint, p)
    cost -= weights[1] * _distance(a, b)
    above = forest.parent[segment]
    while above >= 0:
        length = _distance(forest.nodes[forest.start[above]], forest.nodes[forest.end[above]])
        cost += ((forest.flow[above] + flow) ** power - forest.flow[above] ** power) * length
        above = forest.parent[above]
    return cost, joint


@njit(cache=True)
def _room_along(forest: Any, a: Any, b: Any) -> Any:
    """The largest radius that keeps a vessel from a to b inside the region."""
    pieces = max(1, int(np.ceil(_distance(a, b) / forest.step.min())))
    room = np.inf
    for i in range(pieces + 1):
        room = min(room, depth_at(forest.depth, forest.step, a + (b - a) * (i / pieces)))
    return room - forest.margin


@njit(cache=True)
def _clear_of_others(forest: Any, a: Any, b: Any, tree: int, flow: float) -> Any:
    """Whether a new vessel keeps its distance from the other trees, as thick as both are expected to become."""
    radius = _expected_radius(forest, tree, flow)
    for other in range(forest.counts[1]):
        if forest.tree[other] != tree:
            theirs = _expected_radius(forest, forest.tree[other], forest.flow[other])
            gap = _segment_distance(a, b, forest.nodes[forest.start[other]], forest.nodes[forest.end[other]])
            if gap < radius + theirs + forest.clearance:
                return False
    return True


@njit(cache=True)
def _clear_of_own(forest: Any, a: Any, b: Any, segment: int, flow: float) -> Any:
    """Whether a new vessel, without its two ends, meets no vessel of its own tree but the one it joins."""
    tree = forest.tree[segment]
    radius = _radius(forest, tree, flow)
    trim = 1.5 * _radius(forest, tree, forest.flow[segment] + flow)
    length = _distance(a, b)
    if length <= 2.0 * trim:
        return True
    first, last = a + (b - a) * (trim / length), b - (b - a) * (trim / length)
    for other in range(forest.counts[1]):
        if forest.tree[other] == tree and other != segment:
            theirs = _radius(forest, tree, forest.flow[other])
            gap = _segment_distance(first, last, forest.nodes[forest.start[other]], forest.nodes[forest.end[other]])
            if gap < radius + theirs:
                return False
    return True


@njit(cache=True)
def _upstream_has_room(forest: Any, segment: int, flow: float) -> Any:
    """Whether the vessels upstream can grow by a flow without leaving the region or touching another tree."""
    above = segment
    while above >= 0:
        tree = forest.tree[above]
        radius = _radius(forest, tree, forest.flow[above] + flow)
        if above != segment:
            if radius > forest.room[above]:
                return False
            for other in range(forest.counts[1]):
                gap = forest.gap[above, other]
                if gap < np.inf:
                    theirs = _radius(forest, forest.tree[other], forest.flow[other])
                    if gap < radius + theirs + forest.clearance:
                        return False
        above = forest.parent[above]
    return True


@njit(cache=True)
def _feasible(forest: Any, segment: int, joint: Any, p: Any, flow: float) -> Any:
    """Whether p may be joined to a segment at the joint."""
    a, b = forest.nodes[forest.start[segment]], forest.nodes[forest.end[segment]]
    tree, carried = forest.tree[segment], forest.flow[segment]
    if (
        _room_along(forest, a, joint) < _radius(forest, tree, carried + flow)
        or _room_along(forest, joint, b) < _radius(forest, tree, carried)
        or _room_along(forest, joint, p) < _radius(forest, tree, flow)
        or not _upstream_has_room(forest, segment, flow)
    ):
        return False
    return (
        _clear_of_own(forest, joint, p, segment, flow)
        and _clear_of_others(forest, joint, p, tree, flow)
        and _clear_of_others(forest, a, joint, tree, carried + flow)
        and _clear_of_others(forest, joint, b, tree, carried)
    )


@njit(cache=True)
def _note_segment(forest: Any, segment: int, start: int, end: int, parent: int, tree: int, flow: float) -> None:
    """Write a segment, the room around it and its distance to the other trees."""
    forest.start[segment], forest.end[segment], forest.parent[segment] = start, end, parent
    forest.tree[segment], forest.flow[segment] = tree, flow
    a, b = forest.nodes[start], forest.nodes[end]
    forest.room[segment] = _room_along(forest, a, b)
    for other in range(forest.counts[1]):
        gap = np.float32(np.inf)
        if forest.tree[other] != tree:
            gap = np.float32(
                _segment_distance(a, b, forest.nodes[forest.start[other]], forest.nodes[forest.end[other]])
            )
        forest.gap[segment, other] = gap
        forest.gap[other, segment] = gap


@njit(cache=True)
def _join(forest: Any, segment: int, joint: Any, p: Any, flow: float) -> None:
    """Split a segment at the joint and lead a new one from there to p."""
    node, first = forest.counts[0], forest.counts[1]
    forest.nodes[node] = joint
    forest.nodes[node + 1] = p
    start, end, parent = forest.start[segment], forest.end[segment], forest.parent[segment]
    tree, carried = forest.tree[segment], forest.flow[segment]
    for child in range(first):
        if forest.parent[child] == segment:
            forest.parent[child] = first
    forest.counts[0] += 2
    _note_segment(forest, segment, start, node, parent, tree, carried + flow)
    forest.counts[1] = first + 1
    _note_segment(forest, first, node, end, segment, tree, carried)
    forest.counts[1] = first + 2
    _note_segment(forest, first + 1, node, node + 1, segment, tree, flow)
    above = parent
    while above >= 0:
        forest.flow[above] += flow
        above = forest.parent[above]
    forest.tree_flow[tree] += flow


@njit(cache=True)
def plant_root(forest: Any, root: Any, p: Any, tree: int, flow: float) -> Any:
    """Lay a tree's first vessel from its root to p; False, and nothing laid, where it does not fit."""
    forest.tree_flow[tree] = flow
    if _room_along(forest, root, p) < _radius(forest, tree, flow) or not _clear_of_others(forest, root, p, tree, flow):
        return False
    node, segment = forest.counts[0], forest.counts[1]
    forest.nodes[node] = root
    forest.nodes[node + 1] = p
    forest.counts[0] += 2
    forest.counts[1] += 1
    _note_segment(forest, segment, node, node + 1, -1, tree, flow)
    return True


@njit(cache=True)
def distance_to_tree(forest: Any, p: Any, tree: int, distances: Any) -> Any:
    """Distances of p to the segments, inf for those of other trees; the smallest is returned."""
    nearest = np.inf
    for segment in range(forest.counts[1]):
        distances[segment] = np.inf
        if forest.tree[segment] == tree:
            square = squared_distance_to_segment(
                p[0], p[1], p[2], forest.nodes[forest.start[segment]], forest.nodes[forest.end[segment]]
            )
            distances[segment] = np.sqrt(square)
            nearest = min(nearest, distances[segment])
    return nearest


@njit(cache=True)
def add_terminal(forest: Any, points: Any, tree: int, flow: float, least_distance: float) -> Any:
    """Join the first of the points that lies far enough from its tree and can be joined; False if none can.

    Args:
        points: (P, 3) mm.
        tree: which tree grows.
        flow: the terminal's share of the finished tree's flow.
        least_distance: mm that a point keeps from the tree's centrelines, so that the tree fills the region evenly.
    """
    segments = forest.counts[1]
    distances = np.empty(segments)
    for number in range(len(points)):
        p = points[number]
        if distance_to_tree(forest, p, tree, distances) < least_distance:
            continue
        order = np.argsort(distances)[:_CANDIDATES]
        costs = np.full(len(order), np.inf)
        joints = np.zeros((len(order), 3))
        for i in range(len(order)):
            if distances[order[i]] < np.inf:
                costs[i], joints[i] = _connection(forest, order[i], p, flow)
        for i in np.argsort(costs):
            if costs[i] < np.inf and _feasible(forest, order[i], joints[i], p, flow):
                _join(forest, order[i], joints[i], p, flow)
                return True
    return False

"""The compiled steps of tree growth: where a terminal joins a tree most cheaply, and whether there is room for it.

Everything is in three dimensions; a 2D region is one lattice point thick and its third coordinate never moves.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.phantoms.segment_geometry import (
    between,
    cheapest_joint,
    distance,
    segment_distance,
    squared_distance_to_segment,
)

# How many of the nearest vessels are tried for a terminal.
_CANDIDATES = 16


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


@compiled()
def _node(forest: Any, node: int) -> Any:
    """A node's position."""
    return forest.nodes[node, 0], forest.nodes[node, 1], forest.nodes[node, 2]


@compiled()
def _ends(forest: Any, segment: int) -> Any:
    """Both ends of a segment."""
    return _node(forest, forest.start[segment]), _node(forest, forest.end[segment])


@compiled()
def _gap(forest: Any, a: Any, b: Any, segment: int) -> Any:
    """Distance of the line from a to b to a segment of the forest."""
    c, d = _ends(forest, segment)
    return segment_distance(a, b, c, d)


@compiled()
def _lattice_place(place: float, points: int) -> Any:
    """Lattice points below and above a place (in steps), and the way between them; beyond the ends the end counts."""
    inside = min(max(place - 0.5, 0.0), points - 1.0)
    low = min(int(inside), max(points - 2, 0))
    return low, min(low + 1, points - 1), inside - low


@compiled()
def _depth_at(forest: Any, p: Any) -> Any:
    """Depth below the surface at a point, linear between lattice points."""
    depth = forest.depth
    i, next_i, u = _lattice_place(p[0] / forest.step[0], depth.shape[0])
    j, next_j, v = _lattice_place(p[1] / forest.step[1], depth.shape[1])
    k, next_k, w = _lattice_place(p[2] / forest.step[2], depth.shape[2])
    near = (depth[i, j, k] * (1 - w) + depth[i, j, next_k] * w) * (1 - v)
    near += (depth[i, next_j, k] * (1 - w) + depth[i, next_j, next_k] * w) * v
    far = (depth[next_i, j, k] * (1 - w) + depth[next_i, j, next_k] * w) * (1 - v)
    far += (depth[next_i, next_j, k] * (1 - w) + depth[next_i, next_j, next_k] * w) * v
    return near * (1 - u) + far * u


@compiled()
def _room_along(forest: Any, a: Any, b: Any) -> Any:
    """The largest radius that keeps a vessel from a to b inside the region."""
    finest = min(forest.step[0], min(forest.step[1], forest.step[2]))
    pieces = max(1, int(np.ceil(distance(a, b) / finest)))
    room = np.inf
    for i in range(pieces + 1):
        room = min(room, _depth_at(forest, between(a, b, i / pieces)))
    return room - forest.margin


@compiled()
def _radius(forest: Any, tree: int, flow: float) -> Any:
    """Murray's law: radius of a vessel with that share of its tree's flow."""
    return forest.root_radius[tree] * flow ** (1.0 / forest.exponent)


@compiled()
def _expected_radius(forest: Any, tree: int, flow: float) -> Any:
    """Radius that a segment will have if it keeps its share of the flow until the tree is finished."""
    return _radius(forest, tree, min(1.0, flow / forest.tree_flow[tree]))


@compiled()
def _away_from(joint: Any, end: Any, others: Any, least: float) -> Any:
    """The joint, moved away from a segment's end if it lies nearer than the least length of a vessel."""
    if distance(joint, end) >= least:
        return joint
    return between(end, others, least / max(distance(others, end), 1e-9))


@compiled()
def _connection(forest: Any, segment: int, p: Any, flow: float) -> Any:
    """What joining p to a segment adds to the tree's volume (over pi, root 1 mm), and where; inf: it cannot."""
    a, b = _ends(forest, segment)
    tree, carried, power = forest.tree[segment], forest.flow[segment], 2.0 / forest.exponent
    weights = ((carried + flow) ** power, carried**power, flow**power)
    least = _radius(forest, tree, carried + flow)
    joint = cheapest_joint(a, b, p, weights)
    joint = _away_from(joint, a, between(b, p, 0.5), least)
    joint = _away_from(joint, b, between(a, p, 0.5), least)
    short = min(distance(a, joint), distance(joint, b))
    if short < 0.99 * least or distance(joint, p) < 2.0 * least:
        return np.inf, joint
    cost = weights[0] * distance(a, joint) + weights[1] * distance(joint, b) + weights[2] * distance(joint, p)
    cost -= weights[1] * distance(a, b)
    above = forest.parent[segment]
    while above >= 0:
        start, end = _ends(forest, above)
        carried = forest.flow[above]
        cost += ((carried + flow) ** power - carried**power) * distance(start, end)
        above = forest.parent[above]
    return cost, joint


@compiled()
def _clear_of_others(forest: Any, a: Any, b: Any, tree: int, flow: float) -> Any:
    """Whether a new vessel keeps its distance from the other trees, as thick as both are expected to become."""
    radius = _expected_radius(forest, tree, flow)
    thickest = forest.root_radius.max()
    for other in range(forest.counts[1]):
        if forest.tree[other] != tree:
            gap = _gap(forest, a, b, other) - radius - forest.clearance
            # Most vessels are too far away for their radius to matter.
            if gap < thickest and gap < _expected_radius(forest, forest.tree[other], forest.flow[other]):
                return False
    return True


@compiled()
def _clear_of_own(forest: Any, a: Any, b: Any, segment: int, flow: float) -> Any:
    """Whether a new vessel, without its two ends, meets no vessel of its own tree but the one it joins."""
    tree = forest.tree[segment]
    radius = _radius(forest, tree, flow)
    trim = 1.5 * _radius(forest, tree, forest.flow[segment] + flow)
    length = distance(a, b)
    if length <= 2.0 * trim:
        return True
    first, last = between(a, b, trim / length), between(b, a, trim / length)
    for other in range(forest.counts[1]):
        if forest.tree[other] == tree and other != segment:
            theirs = _radius(forest, tree, forest.flow[other])
            if _gap(forest, first, last, other) < radius + theirs:
                return False
    return True


@compiled()
def _upstream_has_room(forest: Any, segment: int, flow: float) -> Any:
    """Whether the vessels upstream can grow by a flow without leaving the region or touching another tree."""
    tree = forest.tree[segment]
    thickest = forest.root_radius.max()
    above = forest.parent[segment]
    while above >= 0:
        radius = _radius(forest, tree, forest.flow[above] + flow)
        if radius > forest.room[above]:
            return False
        for other in range(forest.counts[1]):
            gap = forest.gap[above, other] - radius - forest.clearance
            if gap < thickest and gap < _radius(forest, forest.tree[other], forest.flow[other]):
                return False
        above = forest.parent[above]
    return True


@compiled()
def _feasible(forest: Any, segment: int, joint: Any, p: Any, flow: float) -> Any:
    """Whether p may be joined to a segment at the joint."""
    a, b = _ends(forest, segment)
    tree, carried = forest.tree[segment], forest.flow[segment]
    # The new vessel itself is the likeliest to find no room.
    if not _clear_of_others(forest, joint, p, tree, flow):
        return False
    if (
        _room_along(forest, joint, p) < _radius(forest, tree, flow)
        or _room_along(forest, a, joint) < _radius(forest, tree, carried + flow)
        or _room_along(forest, joint, b) < _radius(forest, tree, carried)
        or not _upstream_has_room(forest, segment, flow)
    ):
        return False
    return (
        _clear_of_own(forest, joint, p, segment, flow)
        and _clear_of_others(forest, a, joint, tree, carried + flow)
        and _clear_of_others(forest, joint, b, tree, carried)
    )


@compiled()
def _note_node(forest: Any, p: Any) -> Any:
    """Write a node and return its number."""
    node = forest.counts[0]
    forest.nodes[node, 0], forest.nodes[node, 1], forest.nodes[node, 2] = p
    forest.counts[0] += 1
    return node


@compiled()
def _note_segment(forest: Any, segment: int, start: int, end: int, parent: int, tree: int, flow: float) -> None:
    """Write a segment, the room around it and its distance to the other trees."""
    forest.start[segment], forest.end[segment], forest.parent[segment] = start, end, parent
    forest.tree[segment], forest.flow[segment] = tree, flow
    a, b = _ends(forest, segment)
    forest.room[segment] = _room_along(forest, a, b)
    for other in range(forest.counts[1]):
        gap = np.inf
        if forest.tree[other] != tree:
            gap = _gap(forest, a, b, other)
        forest.gap[segment, other] = gap
        forest.gap[other, segment] = gap


@compiled()
def _join(forest: Any, segment: int, joint: Any, p: Any, flow: float) -> None:
    """Split a segment at the joint and lead a new one from there to p."""
    fork, tip, first = _note_node(forest, joint), _note_node(forest, p), forest.counts[1]
    start, end, parent = forest.start[segment], forest.end[segment], forest.parent[segment]
    tree, carried = forest.tree[segment], forest.flow[segment]
    for child in range(first):
        if forest.parent[child] == segment:
            forest.parent[child] = first
    _note_segment(forest, segment, start, fork, parent, tree, carried + flow)
    _note_segment(forest, first, fork, end, segment, tree, carried)
    _note_segment(forest, first + 1, fork, tip, segment, tree, flow)
    forest.counts[1] += 2
    above = parent
    while above >= 0:
        forest.flow[above] += flow
        above = forest.parent[above]
    forest.tree_flow[tree] += flow


@compiled()
def plant_root(forest: Any, root: Any, p: Any, tree: int, flow: float) -> Any:
    """Lay a tree's first vessel from its root to p; False, and nothing laid, where it does not fit."""
    forest.tree_flow[tree] = flow
    if _room_along(forest, root, p) < _radius(forest, tree, flow) or not _clear_of_others(forest, root, p, tree, flow):
        return False
    segment = forest.counts[1]
    _note_segment(forest, segment, _note_node(forest, root), _note_node(forest, p), -1, tree, flow)
    forest.counts[1] += 1
    return True


@compiled()
def _nearest_segments(forest: Any, p: Any, tree: int, nearest: Any, distances: Any) -> Any:
    """Write the segments of a tree nearest to p and their distances, ascending; return how many there are."""
    found = 0
    for segment in range(forest.counts[1]):
        if forest.tree[segment] != tree:
            continue
        start, end = _ends(forest, segment)
        away = np.sqrt(squared_distance_to_segment(p, start, end))
        if found == len(nearest) and away >= distances[found - 1]:
            continue
        found = min(found + 1, len(nearest))
        place = found - 1
        while place > 0 and distances[place - 1] > away:
            distances[place], nearest[place] = distances[place - 1], nearest[place - 1]
            place -= 1
        distances[place], nearest[place] = away, segment
    return found


@compiled()
def _fits(forest: Any, p: Any, tree: int, flow: float) -> Any:
    """Whether a terminal at p itself would lie inside the region and clear of the other trees."""
    radius = _radius(forest, tree, flow)
    return _depth_at(forest, p) - forest.margin >= radius and _clear_of_others(forest, p, p, tree, flow)


@compiled()
def add_terminal(forest: Any, points: Any, tree: int, flow: float, least_distance: float) -> Any:
    """Join the first of the points that lies far enough from its tree and can be joined; False if none can.

    Args:
        forest: grows by one terminal.
        points: (P, 3) mm.
        tree: which tree grows; it has its root.
        flow: the terminal's share of the finished tree's flow.
        least_distance: mm that a point keeps from the tree's centrelines, so that the tree fills the region evenly.
    """
    nearest, distances, costs = np.zeros(_CANDIDATES, np.int64), np.zeros(_CANDIDATES), np.zeros(_CANDIDATES)
    for number in range(len(points)):
        p = (points[number, 0], points[number, 1], points[number, 2])
        found = _nearest_segments(forest, p, tree, nearest, distances)
        if distances[0] < least_distance or not _fits(forest, p, tree, flow):
            continue
        for i in range(found):
            costs[i] = _connection(forest, nearest[i], p, flow)[0]
        for _ in range(found):
            cheapest = np.argmin(costs[:found])
            if costs[cheapest] == np.inf:
                break
            joint = _connection(forest, nearest[cheapest], p, flow)[1]
            if _feasible(forest, nearest[cheapest], joint, p, flow):
                _join(forest, nearest[cheapest], joint, p, flow)
                return True
            costs[cheapest] = np.inf
    return False

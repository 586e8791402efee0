"""Where trees begin: at places that are given, or at the thickest end that a border cuts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.growth import Root
from ramify.analysis.two_roots import two_roots
from ramify.vessels.branches import FloatArray, IntArray

# How much wider a junction's ball may be than the vessels that meet there.
_BALL_OF_JUNCTION = 1.5


def pieces_of(paths: BranchCurves) -> IntArray:
    """Which connected part of the graph each branch belongs to, int (n,), from 0."""
    size = len(paths.nodes_mm)
    links = coo_array((np.ones(paths.n_branches, np.int8), (paths.ends[:, 0], paths.ends[:, 1])), shape=(size, size))
    part = connected_components(links, directed=False)[1]
    return np.unique(part[paths.ends[:, 0]], return_inverse=True)[1].astype(np.int64)


def find_roots(
    paths: BranchCurves,
    weights: FloatArray,
    given_mm: Sequence[FloatArray],
    systems: int,
    join_within_mm: float,
) -> list[Root]:
    """A root for each piece of the graph; those of the given places, or of the systems, come first.

    Args:
        paths: the branches.
        weights: float (K,), how often the radius of an end at each node counts (`borders.border_weights`).
        given_mm: places, float (ndim,) each; the nearest free end is taken. All others are found.
        systems: how many systems there are in one mask, 1 or 2. With two, loose pieces are of the nearest one.
        join_within_mm: how wide a gap a loose piece is fed across.
    """
    piece = pieces_of(paths)
    piece_of_node = np.zeros(len(paths.nodes_mm), dtype=np.int64)
    piece_of_node[paths.ends.ravel()] = np.repeat(piece, 2)
    radii = _radii_of_nodes(paths)
    likely = radii * np.where(_are_ends(paths), weights, 1.0)
    ranked = np.lexsort((np.arange(len(likely)), -likely))
    thickest = ranked[np.unique(piece_of_node[ranked], return_index=True)[1]]
    lengths: FloatArray = np.bincount(piece, paths.lengths_mm).astype(np.float64)
    chosen = [_node_at(paths, place) for place in given_mm]
    if not chosen and systems == 2:
        chosen = sorted(two_roots(paths, piece, thickest, likely), key=lambda node: -float(radii[node]))
    largest_first = np.argsort(-lengths, kind="stable").tolist()
    roots = [Root(node, system if systems == 2 else 0) for system, node in enumerate(chosen)]
    roots = roots or [Root(int(thickest[largest_first[0]]))]
    rooted = sorted({int(piece_of_node[root.node]) for root in roots})
    loose = [number for number in largest_first if number not in {*rooted}]
    reach = np.inf if systems == 2 else join_within_mm
    feeders = _feeders(paths, piece, [*rooted, *loose], len(rooted), reach) if reach > 0 and loose else {}
    for number in loose:
        fed = feeders.get(number)
        if fed is not None and fed.gap_mm <= join_within_mm:
            roots.append(replace(fed, parent=fed.beside))
        else:
            roots.append(Root(int(thickest[number]), beside=-1 if fed is None else fed.beside))
    return roots


def _node_at(paths: BranchCurves, place: FloatArray) -> int:
    """The node where a tree begins that is said to begin at a place: the nearer end of the vessel that is nearest."""
    gaps = np.linalg.norm(paths.curves.points_mm - place, axis=1) - paths.depths_mm
    branch = int(np.searchsorted(paths.curves.starts, np.argmin(gaps), side="right")) - 1
    ends = paths.ends[branch]
    return int(ends[np.argmin(np.linalg.norm(paths.nodes_mm[ends] - place, axis=1))])


def _radii_of_nodes(paths: BranchCurves) -> FloatArray:
    """Radius of the vessel that ends at each node, or of the trunk that may begin there, float (K,).

    A trunk that is hardly longer than wide has no centreline, and its tree begins at a junction: the largest ball
    inside the vessel there, which is somewhat wider than the thickest vessel that meets in it, tells its radius.
    """
    is_end = _are_ends(paths)
    radii = np.zeros(len(is_end))
    for side, points in ((0, paths.curves.starts[:-1]), (1, paths.curves.starts[1:] - 1)):
        nodes = paths.ends[:, side]
        ball = paths.depths_mm[points] / _BALL_OF_JUNCTION
        np.maximum.at(radii, nodes, np.where(is_end[nodes], paths.end_radii_mm[:, side], ball))
    return radii


def _are_ends(paths: BranchCurves) -> NDArray[np.bool_]:
    return np.array([len(at) for at in paths.at_node]) <= 1


def _feeders(
    paths: BranchCurves, piece: IntArray, by_size: Sequence[int], n_rooted: int, reach_mm: float
) -> dict[int, Root]:
    """Of each loose piece that has a vessel of a larger one in reach, the end that is nearest to it, and that vessel.

    by_size: the pieces, those with roots first, then the others from the largest to the smallest.
    """
    rank = np.empty(len(by_size), dtype=np.int64)
    rank[list(by_size)] = np.arange(len(by_size))
    branch_of = np.repeat(np.arange(paths.n_branches), np.diff(paths.curves.starts))
    rank_of = rank[piece[branch_of]]
    tree = cKDTree(paths.curves.points_mm)
    found: dict[int, Root] = {}
    for branch, ends in enumerate(paths.ends.tolist()):
        number = int(piece[branch])
        if rank[number] < n_rooted:
            continue
        for node in {*ends}:
            best = found[number].gap_mm if number in found else reach_mm
            gap, point = _nearest_of_rank(tree, rank_of, paths.nodes_mm[node], int(rank[number]), best)
            if gap <= best and (number not in found or gap < best):
                found[number] = Root(node, gap_mm=gap, beside=int(branch_of[point]))
    return found


def _nearest_of_rank(
    tree: cKDTree, rank_of: IntArray, place: FloatArray, rank: int, reach_mm: float
) -> tuple[float, int]:
    """Distance to the nearest point of a larger piece within reach, and its number; inf and -1 without any."""
    count = 8
    while True:
        count = min(count, tree.n)
        gaps, points = tree.query(place, count, distance_upper_bound=np.nextafter(reach_mm, np.inf))
        gaps, points = np.atleast_1d(gaps), np.atleast_1d(points)
        inside = np.isfinite(gaps)
        larger = np.flatnonzero(inside)[rank_of[points[inside]] < rank]
        if larger.size:
            return float(gaps[larger[0]]), int(points[larger[0]])
        if not inside.all() or count == tree.n:
            return np.inf, -1
        count *= 8

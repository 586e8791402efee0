"""Straight vessels made winding and tapering: every edge in short pieces, all moved by one smooth field."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ramify.phantoms.smooth_fields import draw_waves
from ramify.phantoms.vessel_graph import VesselGraph

_PIECE_MM = 3.0
_WAVES = 24
# How much wider a vessel begins than it is on average, and how much narrower it ends.
_TAPER = 0.15


def bent(graph: VesselGraph, bend_mm: float, wave_mm: float, rng: np.random.Generator) -> VesselGraph:
    """The same trees, winding and tapering.

    One field moves everything, so that what lay apart lies apart still, as long as `bend_mm` is well below `wave_mm`.

    Args:
        graph: straight vessels of 3D.
        bend_mm: standard deviation of the shift along each axis.
        wave_mm: correlation length of the shift.
        rng: source.

    Returns:
        Pieces of `_PIECE_MM` at most. A vessel begins no wider than the one it leaves ends, unless that is thinner than
        it was straight: the thick branch of a fork keeps its width.
    """
    fields = [draw_waves(_WAVES, wave_mm, rng) for _ in range(3)]
    nodes, edges, radii, trees = [graph.nodes_mm], list[NDArray[np.int32]](), list[NDArray[np.float64]](), list[int]()
    parents, next_node = graph.parents(), len(graph.nodes_mm)
    for edge, (start, end) in enumerate(graph.edges.tolist()):
        pieces = max(1, int(np.ceil(np.linalg.norm(graph.nodes_mm[end] - graph.nodes_mm[start]) / _PIECE_MM)))
        inner = np.arange(1, pieces)[:, None] / pieces
        nodes.append(graph.nodes_mm[start] + inner * (graph.nodes_mm[end] - graph.nodes_mm[start]))
        path = [start, *range(next_node, next_node + pieces - 1), end]
        next_node += pieces - 1
        along = (np.arange(pieces) + 0.5) / pieces
        widest = np.inf if parents[edge] < 0 else (1 - _TAPER) * graph.radii_mm[parents[edge]]
        first = max(min((1 + _TAPER) * graph.radii_mm[edge], widest), graph.radii_mm[edge])
        radii.append(first + along * ((1 - _TAPER) * graph.radii_mm[edge] - first))
        edges.append(np.stack([path[:-1], path[1:]], axis=1).astype(np.int32))
        trees += [int(graph.trees[edge])] * pieces
    places = np.concatenate(nodes)
    shifts = np.stack([_field_at(waves, places) for waves in fields], axis=1)
    return VesselGraph(
        nodes_mm=places + bend_mm * shifts,
        edges=np.concatenate(edges),
        radii_mm=np.concatenate(radii),
        trees=np.array(trees, np.int32),
        tree_names=graph.tree_names,
    )


def with_trunks(graph: VesselGraph, places_mm: Sequence[NDArray[np.float64]]) -> VesselGraph:
    """The same with a vessel before each tree's first one, that comes from a place outside the organ.

    places_mm: where from, (ndim,) for each of `tree_names`.
    """
    edges, radii, trees = list[list[int]](), list[float](), list[int]()
    roots = set(graph.roots().tolist())
    for tree in range(len(places_mm)):
        first = next(
            number for number in np.flatnonzero(graph.trees == tree).tolist() if int(graph.edges[number, 0]) in roots
        )
        edges.append([len(graph.nodes_mm) + tree, int(graph.edges[first, 0])])
        radii.append(float(graph.radii_mm[first]))
        trees.append(tree)
    return VesselGraph(
        nodes_mm=np.concatenate([graph.nodes_mm, np.stack(places_mm)]),
        edges=np.concatenate([np.array(edges, np.int32), graph.edges]),
        radii_mm=np.concatenate([radii, graph.radii_mm]),
        trees=np.concatenate([np.array(trees, np.int32), graph.trees]),
        tree_names=graph.tree_names,
    )


def _field_at(waves: NDArray[np.float64], places_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of plane waves at some places, (N, 3) mm -> (N,)."""
    values: NDArray[np.float64] = np.cos(places_mm @ waves[:, :3].T + waves[:, 3]) @ waves[:, 4]
    return values

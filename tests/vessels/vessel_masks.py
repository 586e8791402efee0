"""Masks of known vessels: straight tubes, and a tree of them."""

import numpy as np

from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.vessel_graph import VesselGraph

CUBES = (1.0, 1.0, 1.0)


def drawn(tubes, size, spacing) -> np.ndarray:
    """Voxels at least half inside straight tubes, each (start, end, radius) in mm."""
    nodes = np.array([end for start, stop, _ in tubes for end in (start, stop)], dtype=float)
    edges = np.arange(2 * len(tubes), dtype=np.int32).reshape(-1, 2)
    radii = np.array([radius for _, _, radius in tubes], dtype=float)
    graph = VesselGraph(nodes, edges, radii, np.zeros(len(tubes), dtype=np.int32), ("tubes",))
    return rasterise(graph, size, spacing) >= 0.5


# A trunk with five side branches, each of another radius. The trunk runs obliquely: Lee's thinning eats straight ends
# of even width.
TREE = [((3, 22, 20), (93, 28, 26), 5.0)] + [
    ((16 + 13 * place, 23 + place, 21 + place), (22 + 13 * place, 25 + 22 * side, 30), radius)
    for place, (radius, side) in enumerate([(0.8, 1), (1.2, -1), (1.7, 1), (2.3, -1), (3.0, 1)])
]


def tree(spacing=CUBES) -> np.ndarray:
    return drawn(TREE, tuple(int(extent / step) for extent, step in zip((96, 50, 50), spacing, strict=True)), spacing)

"""A vascular tree as nodes and straight vessels between them, in millimetres."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class VesselGraph:
    """One or more trees of straight, round vessels: what a phantom is drawn from, exactly.

    Positions count from the outer corner of the volume, so the centre of voxel i lies at `(i + 0.5) * spacing_mm`
    and a finer grid over the same volume leaves every node where it is.

    Attributes:
        nodes_mm: (N, ndim) float64 positions, axes in array order (z, y, x or y, x).
        edges: (E, 2) int32 node indices, from the root outwards: (upstream, downstream).
        radii_mm: (E,) float64 centreline to wall, constant along an edge.
        trees: (E,) int32, which tree an edge belongs to: an index into `tree_names`.
        tree_names: one name a tree.

    Examples:
        >>> import numpy as np
        >>> from ramify.phantoms import VesselGraph
        >>> edges, trees = np.array([[0, 1]], np.int32), np.zeros(1, np.int32)
        >>> graph = VesselGraph(np.array([[5.0, 0.0], [5.0, 10.0]]), edges, np.array([2.0]), trees, ("vein",))
        >>> graph.lengths_mm().tolist(), graph.roots().tolist(), graph.terminals().tolist()
        ([10.0], [0], [1])
    """

    nodes_mm: NDArray[np.float64]
    edges: NDArray[np.int32]
    radii_mm: NDArray[np.float64]
    trees: NDArray[np.int32]
    tree_names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        count = len(self.edges)
        if self.nodes_mm.ndim != 2 or self.nodes_mm.shape[1] not in (2, 3):
            raise ValueError(f"nodes_mm: expected shape (N, 2) or (N, 3), got {self.nodes_mm.shape}")
        if self.edges.shape != (count, 2):
            raise ValueError(f"edges: expected shape (E, 2), got {self.edges.shape}")
        if self.radii_mm.shape != (count,) or self.trees.shape != (count,):
            raise ValueError(
                f"radii_mm and trees: expected one value for each of {count} edges, "
                f"got shapes {self.radii_mm.shape} and {self.trees.shape}"
            )
        if count and not (self.edges.min() >= 0 and self.edges.max() < len(self.nodes_mm)):
            raise ValueError(f"edges: expected node indices below {len(self.nodes_mm)}, got up to {self.edges.max()}")
        if count and not (np.isfinite(self.radii_mm).all() and self.radii_mm.min() > 0):
            raise ValueError(f"radii_mm: expected positive numbers, got a smallest of {self.radii_mm.min()}")

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return int(self.nodes_mm.shape[1])

    def lengths_mm(self) -> NDArray[np.float64]:
        """Length of every edge, (E,)."""
        start, end = self.nodes_mm[self.edges[:, 0]], self.nodes_mm[self.edges[:, 1]]
        lengths: NDArray[np.float64] = np.linalg.norm(end - start, axis=1)
        return lengths

    def roots(self) -> NDArray[np.int32]:
        """Nodes where blood enters: no edge leads to them."""
        return np.setdiff1d(self.edges[:, 0], self.edges[:, 1]).astype(np.int32)

    def terminals(self) -> NDArray[np.int32]:
        """Nodes where a tree ends: no edge leaves them."""
        return np.setdiff1d(self.edges[:, 1], self.edges[:, 0]).astype(np.int32)

    def parents(self) -> NDArray[np.int32]:
        """The edge upstream of every edge, (E,); -1 at a root."""
        leads_to = np.full(len(self.nodes_mm), -1, np.int32)
        leads_to[self.edges[:, 1]] = np.arange(len(self.edges), dtype=np.int32)
        return leads_to[self.edges[:, 0]]

    def outward(self) -> NDArray[np.int32]:
        """Edge indices ordered so that every edge comes after the one upstream of it, (E,)."""
        parents = self.parents()
        depths = np.zeros(len(parents), np.int32)
        above = parents.copy()
        while (above >= 0).any():
            depths[above >= 0] += 1
            above = np.where(above >= 0, parents[above], -1)
        return np.argsort(depths, kind="stable").astype(np.int32)

    def tree(self, name: str) -> "VesselGraph":
        """The part of the graph that is the named tree, with its own nodes only.

        Raises:
            ValueError: no tree of that name.
        """
        if name not in self.tree_names:
            raise ValueError(f"tree {name!r}: expected one of {', '.join(self.tree_names)}")
        chosen = np.flatnonzero(self.trees == self.tree_names.index(name))
        used, renumbered = np.unique(self.edges[chosen], return_inverse=True)
        return VesselGraph(
            nodes_mm=self.nodes_mm[used],
            edges=renumbered.reshape(-1, 2).astype(np.int32),
            radii_mm=self.radii_mm[chosen],
            trees=np.zeros(len(chosen), np.int32),
            tree_names=(name,),
        )

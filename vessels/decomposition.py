"""What a decomposition of a vessel mask is: its scales and branches, and both as a table, a graph and a mesh."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.optional_packages import optional_package
from ramify.vessels.branches import BoolArray, BranchGraph, FloatArray, IntArray
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph


class Branch(NamedTuple):
    """A row of `ScaleDecomposition.rows`.

    Attributes:
        id: number of the branch, from 1: its value in `branches`, and in every form of the decomposition.
        scale: 1, the smallest vessels, .. S.
        radius_mm: as its scale goes by.
        length_mm: of its curve, from node to node.
        ends: nodes at the start and at the end of its curve; of a loop without a junction one and the same.
    """

    id: int
    scale: int
    radius_mm: float
    length_mm: float
    ends: tuple[int, int]


@dataclass(frozen=True, eq=False)
class ScaleDecomposition:
    """Scales of a vessel mask and what they were made from.

    Attributes:
        scale_map: uint8 (*S), 0 background, 1 (smallest vessels) .. S.
        branches: int32 (*S), 0 background, 1 .. n_branches.
        radii_mm: float64 (n_branches,); branch j's is `radii_mm[j - 1]`. Where branches count by their length, one
            that lies within a thicker neighbour has that neighbour's.
        counts: float64 (n_branches,), what each counts towards the quantiles.
        thresholds_mm: S - 1 radii, rising; scale s holds the branches above the threshold s - 1 and not above s.
        skeleton: bool (*S), what pruning left of it, without what runs through filled cavities.
        estimator: name of the estimator.
        notes: one line for each thing worth knowing, such as an empty scale.
        graph: the skeleton's branches, number 1 the first; its voxels are indices into the maps.
        measure_depth: measures `depth_mm`, which the scales themselves need not have.
        spacing_mm: voxel size along each axis, mm.
        extent: of the whole mask's volume, in voxels of the maps; beyond them where they were cut, as graph and curves.

    All of it is of the whole mask, whatever region the thresholds were taken from: cut the maps afterwards.
    """

    scale_map: NDArray[np.uint8]
    branches: NDArray[np.int32]
    radii_mm: FloatArray
    counts: FloatArray
    thresholds_mm: tuple[float, ...]
    skeleton: BoolArray
    estimator: str
    notes: tuple[str, ...]
    graph: BranchGraph
    measure_depth: Callable[[], FloatArray]
    spacing_mm: tuple[float, ...]
    extent: tuple[slice, ...]

    @property
    def scale_of_branch(self) -> IntArray:
        """Scale of each branch, int (n_branches,); branch j's is `scale_of_branch[j - 1]`."""
        return scales_of(self.radii_mm, self.thresholds_mm)

    @cached_property
    def places(self) -> IntArray:
        """Where the vessels' voxels are in the flat maps, int64 (N,), rising: few among all that the maps hold."""
        size = int(np.prod(self.scale_map.shape[1:]))
        # Slice by slice: a mask of the whole volume would be as large as the scale map.
        found = [number * size + np.flatnonzero(part != 0) for number, part in enumerate(self.scale_map)]
        return np.concatenate(found)

    @cached_property
    def depth_mm(self) -> FloatArray:
        """Distance to the wall at each of the graph's voxels, float64 (N,)."""
        return self.measure_depth()

    @cached_property
    def centreline(self) -> CentrelineGraph:
        """The branches as curves in mm from the centre of the maps' first voxel, each with its branch's number.

        A bump, one voxel beside a junction that only an unpruned skeleton has as a branch, has no curve.
        """
        graph = centreline_graph(self.graph, self.spacing_mm, self.depth_mm)
        return graph.within(self.extent, self.spacing_mm)

    @cached_property
    def nodes_mm(self) -> FloatArray:
        """Where the nodes are that `Branch.ends` names, float (K, ndim): junctions, ends, one of each closed loop."""
        curves = self.centreline
        loops = curves.points_mm[curves.starts[:-1][curves.ends[:, 0] < 0]]
        return np.concatenate([curves.nodes_mm, loops])

    def rows(self) -> list[Branch]:
        """Every branch that has a curve, by its number.

        Examples:
            >>> import numpy as np
            >>> from ramify.vessels import ScaleSettings, decompose_scales
            >>> mask = np.zeros((9, 9, 20), bool)
            >>> mask[3:6, 3:6, 2:18] = True
            >>> found = decompose_scales(mask, (1.0, 1.0, 1.0), ScaleSettings(quantiles=()))
            >>> [(row.id, row.scale, row.ends) for row in found.rows()]
            [(1, 1, (0, 1))]
        """
        curves, scale = self.centreline, self.scale_of_branch
        ends = curves.ends.copy()
        loops = np.flatnonzero(ends[:, 0] < 0)
        ends[loops] = (len(curves.nodes_mm) + np.arange(len(loops)))[:, None]
        lengths = np.add.reduceat(curves.steps_mm, curves.starts[:-1])
        return [
            Branch(int(number), int(scale[number - 1]), float(self.radii_mm[number - 1]), float(length), (start, end))
            for number, length, (start, end) in zip(curves.branches, lengths, ends.tolist(), strict=True)
        ]

    def table(self) -> Any:
        """`rows` as a pandas.DataFrame: id, scale, radius_mm, length_mm, ends.

        Raises ValueError where pandas is not installed.
        """
        pandas = optional_package("pandas", "table of branches", "pandas")
        return pandas.DataFrame(self.rows(), columns=Branch._fields)

    def to_networkx(self) -> Any:
        """The tree as a networkx.MultiGraph: an edge a branch, whose key is its number.

        Nodes have z, y and x in mm, of an image y and x: along the axes of the maps, in their order. Edges have branch,
        scale, radius_mm and length_mm; a branch that was thinned to a point is no edge, and its node has these. All are
        plain numbers, as networkx.write_graphml asks for; the names are those of the GraphML that evaluate.py exports.

        Raises ValueError where networkx is not installed.
        """
        networkx = optional_package("networkx", "graph of branches", "networkx")
        graph = networkx.MultiGraph(UNIT="mm")
        axes = "zyx"[-len(self.spacing_mm) :]
        for node, position in enumerate(self.nodes_mm.tolist()):
            graph.add_node(node, **dict(zip(axes, position, strict=True)))
        for row in self.rows():
            values = {"branch": row.id, "scale": row.scale, "radius_mm": row.radius_mm, "length_mm": row.length_mm}
            if row.length_mm == 0:
                graph.nodes[row.ends[0]].update(values)
            else:
                graph.add_edge(*row.ends, key=row.id, **values)
        return graph

    def mesh(self) -> Any:
        """The wall of the vessels as a trimesh.Trimesh, closed, with `branch` and `scale` among `vertex_attributes`.

        Points are mm from the centre of the maps' first voxel, in the maps' axis order, half-way between the voxels
        inside and outside; triangles face outwards.

        Raises ValueError for an image of two dimensions, and where trimesh is not installed.
        """
        trimesh = optional_package("trimesh", "mesh of vessels", "trimesh")
        # Imported here: scikit-image takes a while, and maps alone do without.
        from ramify.vessels.wall_mesh import facing_outwards, inner_voxels, wall_triangles

        corners, triangles = wall_triangles(self.branches > 0)
        points = corners * np.array(self.spacing_mm)
        branch = self.branches[tuple(inner_voxels(corners, self.branches > 0).T)].astype(np.int64)
        return trimesh.Trimesh(
            points,
            facing_outwards(points, triangles),
            vertex_attributes={"branch": branch, "scale": self.scale_of_branch[branch - 1]},
            process=False,
        )


def scales_of(radii: FloatArray, thresholds: Sequence[float]) -> IntArray:
    """Scale of each radius, from 1 up."""
    return 1 + np.searchsorted(np.array(thresholds), radii, side="left")

"""From one mask to its vascular trees: roots, parents, orders, and what every branch and node measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ramify.analysis.borders import border_weights
from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.branch_table import Row, branch_rows
from ramify.analysis.given_roots import check_ends, notes_on_ends, places_in
from ramify.analysis.growth import Growth, grow
from ramify.analysis.lacunarity import lacunarity_of
from ramify.analysis.node_table import cycle_rows, node_rows
from ramify.analysis.orders import strahler_orders
from ramify.analysis.rooted_nodes import RootedNodes, nodes_of
from ramify.analysis.roots import find_roots
from ramify.analysis.settings import DEFAULT_ANALYSIS, AnalysisSettings
from ramify.analysis.summary import summarise_trees
from ramify.analysis.territories import Territories, distances_to_vessels_mm, stems_of, territories
from ramify.data.volume import Volume
from ramify.optional_packages import optional_package
from ramify.vessels.branches import BoolArray, IntArray
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.masks import check_boolean
from ramify.vessels.scales import decompose_quietly
from ramify.vessels.sparse_zeros import sparse_zeros

# A mask whose centrelines are altogether no longer than so many diameters of its widest place is hardly a tree.
_FEWEST_DIAMETERS = 3.0
# So many vessels that were thinned to a point, and more of them than of others, are specks.
_MANY_POINTS = 100


@dataclass(frozen=True, eq=False)
class VesselTree:
    """The vascular trees of a mask.

    Attributes:
        decomposition: branches and scales of the mask; branch 1, 2, ... everywhere else are its branches.
        settings: how it was analysed.
        organ: bool (*S) or None.
        place: where the mask's grid lies in the patient; its own array is not looked at.
        paths: the branches between nodes.
        growth: which branch each one comes from.
        nodes_found: the nodes of the trees.
        notes: one line for each thing worth knowing.

    Examples:
        >>> import numpy as np
        >>> from ramify.analysis import VesselTree, analyse
        >>> mask = np.zeros((9, 9, 20), bool)
        >>> mask[3:6, 3:6, 2:18] = True
        >>> tree = analyse(mask, (1.0, 1.0, 1.0))
        >>> isinstance(tree, VesselTree), [row["kind"] for row in tree.node_rows]
        (True, ['root', 'end'])
    """

    decomposition: ScaleDecomposition
    settings: AnalysisSettings
    organ: BoolArray | None
    place: Volume
    paths: BranchCurves
    growth: Growth
    nodes_found: RootedNodes
    notes: tuple[str, ...]

    @cached_property
    def tree_of_branch(self) -> IntArray:
        """The tree of each of the paths, int (n,): 1, 2, ... by their order of roots given, then by length."""
        tree = np.full(self.paths.n_branches, -1, dtype=np.int64)
        roots = 0
        seen: dict[int, int] = {}
        for branch in self.growth.order.tolist():
            parent = int(self.growth.parents[branch])
            if parent >= 0:
                tree[branch] = tree[parent]
                continue
            node = int(self.nodes_found.starts[branch])
            if node not in seen:
                seen[node] = roots
                roots += 1
            tree[branch] = seen[node]
        length = np.bincount(tree, self.paths.lengths_mm)
        first = max(1, len(self.settings.root), len(self.settings.systems))
        rank = [*range(first), *(first + np.argsort(-length[first:], kind="stable"))][: len(length)]
        number = np.empty(len(length), dtype=np.int64)
        number[rank] = 1 + np.arange(len(length))
        return number[tree]

    @cached_property
    def branch_rows(self) -> list[Row]:
        """A mapping for each branch, by its number: what `branches` is made of."""
        return branch_rows(
            self.decomposition,
            self.paths,
            self.growth,
            self.nodes_found,
            self.tree_of_branch,
            self.settings.systems,
            self.organ,
            self.place,
            self.settings.coordinates,
        )

    @cached_property
    def node_rows(self) -> list[Row]:
        """A mapping for each node, by its number: what `nodes` is made of."""
        place, space = self.place, self.settings.coordinates
        return node_rows(self.paths, self.growth, self.nodes_found, self.tree_of_branch, place, space)

    @cached_property
    def cycles(self) -> list[Row]:
        """A mapping for each cycle and each contact of two trees: the branch that ends there, and what it meets."""
        place, space, trees = self.place, self.settings.coordinates, self.tree_of_branch
        return cycle_rows(self.paths, self.growth, self.nodes_found, trees, self.settings.systems, place, space)

    @property
    def branches(self) -> Any:
        """A row a branch as a pandas.DataFrame; docs/analysis.md explains each column. ValueError without pandas."""
        return optional_package("pandas", "table of branches", "pandas").DataFrame(self.branch_rows)

    @property
    def nodes(self) -> Any:
        """A row a node as a pandas.DataFrame; docs/analysis.md explains each column. ValueError without pandas."""
        return optional_package("pandas", "table of nodes", "pandas").DataFrame(self.node_rows)

    @property
    def graph(self) -> Any:
        """The trees as a networkx.MultiDiGraph, away from the roots: an edge a branch, whose key is its number.

        Nodes and edges have what the tables have, but for what is not known; a branch that was thinned to a point is no
        edge, and its node has what it is. ValueError without networkx.
        """
        networkx = optional_package("networkx", "graph of branches", "networkx")
        graph = networkx.MultiDiGraph(SPACE=self.settings.coordinates.upper(), UNIT="mm")
        for row in self.node_rows:
            graph.add_node(row["node"], **_known(row, "node"))
        for row in self.branch_rows:
            if row["length_mm"] == 0:
                graph.nodes[row["start_node"]].update(_known(row, "tree"))
            else:
                graph.add_edge(row["start_node"], row["end_node"], key=row["branch"], **_known(row))
        return graph

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Totals, counts and distributions; docs/analysis.md explains each."""
        organ, distances, spacing = None, None, self.decomposition.spacing_mm
        if self.organ is not None:
            organ = np.count_nonzero(self.organ) * float(np.prod(spacing))
            distances = distances_to_vessels_mm(self.decomposition.branches > 0, self.organ, spacing)
        found = self.decomposition
        points = self.paths.curves.points_mm
        uneven = lacunarity_of(np.unravel_index(found.places, found.branches.shape), spacing)
        return summarise_trees(self.branch_rows, self.node_rows, self.cycles, points, spacing, organ, distances, uneven)

    def map_of(self, values: Sequence[int] | IntArray) -> NDArray[np.unsignedinteger]:
        """A label map with a value, 0 or more, for each of the paths, (*S), in the fewest bytes; 0 in the background.

        Voxels of a branch without a path, a bump beside a junction, have the value of the nearest branch.
        """
        of_number = np.zeros(len(self.decomposition.radii_mm) + 1, dtype=np.int64)
        of_number[self._path_of_number >= 0] = np.asarray(values)[self._path_of_number[self._path_of_number >= 0]]
        return self.map_of_numbers(of_number)

    def map_of_numbers(self, values: IntArray) -> NDArray[np.unsignedinteger]:
        """As `map_of`, with a value for each number of a branch, int (n_branches + 1,), that of 0 for none."""
        branches, places = self.decomposition.branches.reshape(-1), self.decomposition.places
        found = sparse_zeros(self.decomposition.branches.shape, np.min_scalar_type(int(values.max())))
        found.reshape(-1)[places] = values[branches[places]]
        return found

    def territories(self, system: int | None = None) -> Territories:
        """The territories of all trees, or of those of a system; raises ValueError without an organ."""
        if self.organ is None:
            raise ValueError("territories: there is no organ to part; give its mask")
        depth, trees = self.settings.territory_depth, self.tree_of_branch
        stems = stems_of(self.growth, strahler_orders(self.growth), depth, trees, self.paths.lengths_mm)
        if system is not None:
            stems[self.growth.system != system] = -1
        of_number = np.where(self._path_of_number >= 0, stems[self._path_of_number], -1)
        return territories(self.decomposition.branches, of_number, self.organ, self.decomposition.spacing_mm)

    @cached_property
    def _path_of_number(self) -> IntArray:
        """Path of each branch's number, int (n_branches + 1,): that of the nearest branch for one without; 0: -1."""
        numbers = self.paths.curves.branches
        found = np.full(len(self.decomposition.radii_mm) + 1, -1, dtype=np.int64)
        found[numbers] = np.arange(len(numbers))
        lost, graph = np.flatnonzero(found[1:] < 0) + 1, self.decomposition.graph
        if len(lost):
            own = graph.voxels[graph.order[graph.starts[lost - 1]]] * np.array(self.decomposition.spacing_mm)
            points = cKDTree(self.paths.curves.points_mm).query(own)[1]
            found[lost] = np.searchsorted(self.paths.curves.starts, points, side="right") - 1
        return found


def analyse(
    mask: BoolArray,
    spacing_mm: Sequence[float],
    settings: AnalysisSettings = DEFAULT_ANALYSIS,
    organ: BoolArray | None = None,
    place: Volume | None = None,
) -> VesselTree:
    """Describe the vascular trees of a mask.

    Args:
        mask: bool (*S) of 2 or 3 dimensions, at least one voxel True.
        spacing_mm: voxel size along each axis, mm.
        settings: roots, cycles, loose pieces, scales.
        organ: bool (*S), the organ that the vessels supply: for roots, densities, distances and territories. Vessels
            are described as a whole, inside and outside.
        place: the volume that says where the grid lies, for patient coordinates; None: at 0, along the axes.

    Raises:
        ValueError: a mask that is empty or not boolean, a spacing out of range, an organ of another shape or without a
            voxel, roots of other dimensions, outside the volume or at one end, or two systems of which no two ends
            could be roots.

    Examples:
        >>> import numpy as np
        >>> from ramify.analysis import analyse
        >>> mask = np.zeros((9, 40, 40), bool)
        >>> mask[3:6, 18:21, 2:20] = True  # a trunk
        >>> mask[3:6, 4:36, 20:23] = True  # and a bar across its end: two branches
        >>> tree = analyse(mask, (1.0, 1.0, 1.0))
        >>> [(row["generation"], row["strahler_order"]) for row in tree.branch_rows if row["parent"] is None]
        [(0, 2)]
        >>> tree.summary["junctions"], tree.summary["ends"]
        (1, 2)
    """
    # Where systems touch there are ways round many vessels, which then are bridges.
    found = decompose_quietly(mask, spacing_mm, settings.scales, keep_bridges=bool(settings.systems))
    place = place if place is not None else Volume(mask, found.spacing_mm)
    if place.shape != mask.shape:
        raise ValueError(
            f"place: expected the mask's shape {mask.shape}, got {place.shape}; take the mask's own volume"
        )
    if organ is not None:
        check_boolean(organ, "organ")
        if organ.shape != mask.shape:
            raise ValueError(
                f"organ: expected the mask's shape {mask.shape}, got {organ.shape}; bring both on one grid"
            )
        if not organ.any():
            raise ValueError("organ: expected at least one voxel, got an empty mask; mend it, or leave it out")
    paths = BranchCurves.of(found, mask)
    named, space = settings.roots_mm(), settings.coordinates
    given = places_in(place, named, space)
    weights = border_weights(paths, mask.shape, found.spacing_mm, organ)
    roots = find_roots(paths, weights, given, max(1, len(settings.systems)), settings.join_within_mm)
    check_ends(paths, roots[: len(given)], place, space)
    growth = grow(paths, roots)
    nodes = nodes_of(paths, growth, settings.keep_cycles)
    notes = [*found.notes, *_doubts(found, paths)]
    if organ is not None:
        notes += _clamped_depth(settings.territory_depth, int(strahler_orders(growth).max()))
    notes += notes_on_ends(paths, given, roots[: len(given)], named, place, space)
    if settings.systems and not given:
        first, second = settings.systems
        notes.append(f"roots were found: {first} has the thicker trunk; if that is {second}, give the roots")
    return VesselTree(found, settings, organ, place, paths, growth, nodes, tuple(notes))


def _doubts(found: ScaleDecomposition, paths: BranchCurves) -> list[str]:
    """A line on a mask that is hardly a tree: specks, an organ, or a lump."""
    points = int(np.count_nonzero(paths.lengths_mm == 0))
    if points >= _MANY_POINTS and points > paths.n_branches / 2:
        return [
            f"{points} of {paths.n_branches} branches are pieces of a voxel or a few, too short for a centreline: the "
            "mask looks like noise, or like probabilities cut too low; remove its small pieces first"
        ]
    widest = 2 * float(found.depth_mm.max())
    length = float(paths.lengths_mm.sum())
    if length > _FEWEST_DIAMETERS * widest or len(found.places) < 1000:
        return []
    return [
        f"all centrelines together are {length:.4g} mm long and the mask is up to {widest:.4g} mm wide: check that it "
        "is the vessels' and not an organ's, and not inverted"
    ]


def _clamped_depth(depth: int, highest: int) -> list[str]:
    """A line where territories are asked for deeper than there are orders. highest: Strahler order of all branches."""
    if depth <= max(highest - 1, 1):
        return []
    return [
        f"territory_depth {depth}: the highest Strahler order is {highest}, so territories are those of order 1, as "
        f"with {highest - 1}"
    ]


def _known(row: Row, *without: str) -> Row:
    """What is known of a row, as GraphML can have it."""
    return {name: value for name, value in row.items() if value is not None and name not in without}

"""A row for every node: where it is, which branches meet there, how they fork; docs/analysis.md has the formulas."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from ramify.analysis.branch_curves import BranchCurves, angle_deg
from ramify.analysis.branch_table import Row
from ramify.analysis.growth import Growth
from ramify.analysis.murray import murray_exponent
from ramify.analysis.patient_frame import in_patient
from ramify.analysis.rooted_nodes import RootedNodes
from ramify.data.volume import Volume
from ramify.report.settings import Space
from ramify.vessels.branches import IntArray

FORK = (
    "angle_between_children_deg",
    "angle_thicker_child_deg",
    "angle_thinner_child_deg",
    "radius_ratio_of_children",
    "radius_ratio_to_parent",
    "area_ratio",
    "murray_exponent",
)
"""What only a fork has: the others' rows are empty there."""


def node_rows(
    paths: BranchCurves, growth: Growth, nodes: RootedNodes, trees: IntArray, place: Volume, space: Space
) -> list[Row]:
    """The rows, by the numbers of the nodes. trees: int (n,), the tree of each branch, from 1; the others as there."""
    points = in_patient(place, nodes.points_mm, space)
    cuts = cuts_of(paths, growth, trees)
    # A node that a cycle and a contact share is told by the cycle.
    by_kind = sorted(cuts.items(), key=lambda one: one[1].kind)
    kinds = {int(nodes.ends[branch]): cut.kind for branch, cut in reversed(by_kind)}
    numbers, degrees = paths.curves.branches, nodes.degrees(paths.lengths_mm).tolist()
    rows = []
    for node, (point, degree) in enumerate(zip(points.tolist(), degrees, strict=True)):
        incoming, outgoing = int(nodes.incoming[node]), nodes.outgoing[node]
        any_branch = incoming if incoming >= 0 else outgoing[0]
        forks = incoming >= 0 and len(outgoing) > 1
        rows.append(
            {
                "node": node + 1,
                "tree": int(trees[any_branch]),
                # A tree has a root although a cycle that is kept may come back to it.
                "kind": (kinds.get(node) if incoming >= 0 else None) or _kind(incoming, outgoing, growth),
                **{f"{axis}_mm": value for axis, value in zip("xyz", point)},
                "degree": degree,
                "parent": int(numbers[incoming]) if incoming >= 0 else None,
                "children": " ".join(str(numbers[child]) for child in outgoing),
                **(fork(paths, growth, incoming, outgoing) if forks else dict.fromkeys(FORK)),
            }
        )
    return rows


def _kind(incoming: int, outgoing: Sequence[int], growth: Growth) -> str:
    if incoming < 0:
        return "root" if growth.parents[outgoing[0]] < 0 else "gap"
    return ("end", "passage", "junction")[min(len(outgoing), 2)]


def fork(paths: BranchCurves, growth: Growth, parent: int, children: Sequence[int]) -> Row:
    """Angles, ratios of radii and Murray's exponent where a branch forks into two children or more; radii are those
    near the node."""
    far = 1 - int(growth.near[parent])
    onwards = -paths.headings[parent, far]
    radius = {child: float(paths.end_radii_mm[child, growth.near[child]]) for child in children}
    thicker, thinner, *_ = sorted(children, key=lambda child: (-radius[child], child))
    way = {child: paths.headings[child, growth.near[child]] for child in (thicker, thinner)}
    own = float(paths.end_radii_mm[parent, far])
    return {
        "angle_between_children_deg": angle_deg(way[thicker], way[thinner]),
        "angle_thicker_child_deg": angle_deg(onwards, way[thicker]),
        "angle_thinner_child_deg": angle_deg(onwards, way[thinner]),
        "radius_ratio_of_children": radius[thinner] / radius[thicker],
        "radius_ratio_to_parent": radius[thicker] / own,
        "area_ratio": float(np.square(list(radius.values())).sum()) / own**2,
        "murray_exponent": murray_exponent(own, list(radius.values())),
    }


class Cut(NamedTuple):
    """Where a branch ends at a vessel that had grown already.

    node: of the graph. met: the branches that it meets there. kind: `cycle` where one of them is of its own tree (or
    none is there but itself), `contact` where all are of others.
    """

    node: int
    met: tuple[int, ...]
    kind: Literal["cycle", "contact"]


def cuts_of(paths: BranchCurves, growth: Growth, trees: IntArray) -> dict[int, Cut]:
    """Every cut by the branch that ends there. trees: int (n,), the tree of each branch."""
    found = {}
    for branch in growth.cuts.tolist():
        node = int(paths.ends[branch, 1 - growth.near[branch]])
        met = sorted({*paths.at_node[node]} - {branch} - _descendants_at(growth, branch, paths.at_node[node]))
        apart = bool(met) and all(trees[other] != trees[branch] for other in met)
        found[branch] = Cut(node, tuple(met), "contact" if apart else "cycle")
    return found


def cycle_rows(
    paths: BranchCurves,
    growth: Growth,
    nodes: RootedNodes,
    trees: IntArray,
    systems: tuple[str, ...],
    place: Volume,
    space: Space,
) -> list[Row]:
    """A row for every cut: the branch whose far end closes a cycle or touches another tree, what it meets, and where.

    trees: int (n,), the tree of each branch, from 1; the others as there.
    """
    numbers = paths.curves.branches
    rows = []
    for branch, (node, met, kind) in cuts_of(paths, growth, trees).items():
        point = in_patient(place, paths.nodes_mm[node], space)[0].tolist()
        row: Row = {
            "branch": int(numbers[branch]),
            "kind": kind,
            "meets": " ".join(str(numbers[other]) for other in met),
            **{f"{axis}_mm": value for axis, value in zip("xyz", point)},
            "node": int(nodes.ends[branch]) + 1,
            "radius_mm": float(paths.end_radii_mm[branch, 1 - growth.near[branch]]),
        }
        if systems:
            others = {systems[growth.system[other]] for other in met} - {systems[growth.system[branch]]}
            row |= {"system": systems[growth.system[branch]], "other_system": " ".join(sorted(others))}
        rows.append(row)
    return rows


def _descendants_at(growth: Growth, branch: int, at_node: Sequence[int]) -> set[int]:
    """The branches at a node that the branch itself goes on as."""
    return {other for other in at_node if growth.parents[other] == branch}

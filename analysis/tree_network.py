"""The centrelines of rooted trees as a network of points and lines in patient coordinates."""

import numpy as np
from numpy.typing import NDArray

from ramify.analysis.patient_frame import in_patient
from ramify.analysis.vessel_tree import VesselTree
from ramify.report.centreline_network import CentrelineNetwork

OF_LINES = {
    "Tree": "tree",
    "Parent": "parent",
    "Generation": "generation",
    "StrahlerOrder": "strahler_order",
    "MainVesselOrder": "main_vessel_order",
}
"""What lines have beside length, radius and scale: the name in files, and that of the table's column."""


def network_of(tree: VesselTree) -> CentrelineNetwork:
    """Lines away from the roots. Where a cycle was cut there are two points, so that the pieces are trees."""
    paths, growth, nodes = tree.paths, tree.growth, tree.nodes_found
    n_nodes = len(nodes.points_mm)
    points, radii = [nodes.points_mm], [np.zeros(n_nodes)]
    lines: list[NDArray[np.int64]] = []
    count = n_nodes
    for branch in range(paths.n_branches):
        part, near = paths.points(branch), int(growth.near[branch])
        outwards = slice(None, None, -1 if near else 1)
        own, thick = paths.curves.points_mm[part][outwards], paths.radii_mm[part][outwards]
        start, end = int(nodes.starts[branch]), int(nodes.ends[branch])
        radii[0][start], radii[0][end] = max(radii[0][start], thick[0]), max(radii[0][end], thick[-1])
        if paths.lengths_mm[branch] == 0:
            lines.append(np.array([start], dtype=np.int64))
            continue
        points.append(own[1:-1])
        radii.append(thick[1:-1])
        inner = count + np.arange(len(own) - 2)
        lines.append(np.concatenate([[start], inner, [end]]).astype(np.int64))
        count += len(inner)
    row = {row["branch"]: row for row in tree.branch_rows}
    rows = [row[number] for number in paths.curves.branches.tolist()]
    place, space = tree.place, tree.settings.coordinates
    there = in_patient(place, np.concatenate(points), space)
    there = np.pad(there, ((0, 0), (0, 3 - there.shape[1])))
    return CentrelineNetwork(
        points_mm=there,
        radii_mm=np.concatenate(radii),
        n_nodes=n_nodes,
        lines=tuple(lines),
        lengths_mm=paths.lengths_mm,
        line_radii_mm=paths.branch_radii_mm,
        branches=paths.curves.branches.astype(np.int64),
        scales=tree.decomposition.scale_of_branch[paths.curves.branches - 1].astype(np.int64),
        space=space,
        of_lines={
            name: np.array([one[column] or 0 for one in rows], dtype=np.int64) for name, column in OF_LINES.items()
        },
        roots=tuple(sorted({int(nodes.starts[branch]) for branch in np.flatnonzero(growth.parents < 0)})),
    )

"""A row for every branch: where it is in its tree, and what it measures. docs/analysis.md has the formulas."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.analysis.branch_curves import BranchCurves
from ramify.analysis.growth import Growth
from ramify.analysis.orders import generations, main_vessel_orders, strahler_orders
from ramify.analysis.path_shape import mean_curvature_per_mm, taper_mm_per_mm
from ramify.analysis.patient_frame import directions_in_patient
from ramify.analysis.rooted_nodes import RootedNodes
from ramify.data.volume import Volume
from ramify.report.settings import Space
from ramify.vessels.branches import FloatArray, IntArray
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.distance import at_surface

Row = dict[str, Any]


def branch_rows(
    found: ScaleDecomposition,
    paths: BranchCurves,
    growth: Growth,
    nodes: RootedNodes,
    trees: IntArray,
    systems: tuple[str, ...],
    organ: NDArray[np.bool_] | None,
    place: Volume,
    space: Space,
) -> list[Row]:
    """The rows, by the numbers of the branches.

    Args:
        found: the mask's branches and scales.
        paths, growth, nodes: its trees.
        trees: int (n,), the tree of each branch, from 1.
        systems: names of the systems, () for none.
        organ: bool (*S) or None.
        place: where the grid lies.
        space: patient coordinates of the directions.
    """
    numbers, children = paths.curves.branches, growth.children()
    generation, strahler = generations(growth, nodes.starts), strahler_orders(growth)
    main = main_vessel_orders(growth, paths.branch_radii_mm)
    scale = found.scale_of_branch[numbers - 1]
    voxels = np.bincount(found.branches.reshape(-1)[found.places], minlength=len(found.radii_mm) + 1)[numbers]
    size = voxels * float(np.prod(found.spacing_mm))
    flat = place.ndim == 2
    shares = np.add.reduceat(paths.radii_mm * paths.curves.shares_mm, paths.curves.starts[:-1])
    wall = 2 * paths.lengths_mm if flat else 2 * np.pi * shares
    touched = touched_borders(found, organ)
    cut = {*growth.cuts.tolist()}
    rows = []
    for branch in range(paths.n_branches):
        near, parent = int(growth.near[branch]), int(growth.parents[branch])
        points = paths.curves.points_mm[paths.points(branch)]
        chord, direction = _chord(paths, branch, near)
        length = float(paths.lengths_mm[branch])
        radii, along = _clear_radii(paths, branch, near)
        if len(points) > 1:
            quartiles = np.percentile(radii, [25, 50, 75]).tolist()
            towards = directions_in_patient(place, direction, space)[0].tolist()
        else:
            # A vessel that was thinned to a point; noise has as many of these as a tree has branches.
            quartiles, towards = 3 * radii.tolist(), direction.tolist()
        number = int(numbers[branch])
        row: Row = {
            "branch": number,
            "tree": int(trees[branch]),
            **({"system": systems[growth.system[branch]]} if systems else {}),
            "parent": int(numbers[parent]) if parent >= 0 else None,
            "gap_mm": float(growth.gaps_mm[branch]),
            "generation": int(generation[branch]),
            "strahler_order": int(strahler[branch]),
            "main_vessel_order": int(main[branch]),
            "start_node": int(nodes.starts[branch]) + 1,
            "end_node": int(nodes.ends[branch]) + 1,
            "terminal": not children[branch],
            "cut": branch in cut,
            "scale": int(scale[branch]),
            "length_mm": length,
            "chord_mm": chord,
            "tortuosity": length / chord if chord > 0 else None,
            "mean_curvature_per_mm": mean_curvature_per_mm(points, _step(paths, branch)),
            "radius_mm": float(paths.branch_radii_mm[branch]),
            "radius_q1_mm": quartiles[0],
            "radius_median_mm": quartiles[1],
            "radius_q3_mm": quartiles[2],
            "start_radius_mm": float(paths.end_radii_mm[branch, near]),
            "end_radius_mm": float(paths.end_radii_mm[branch, 1 - near]),
            "taper_mm_per_mm": taper_mm_per_mm(radii, along),
            "area_mm2" if flat else "volume_mm3": float(size[branch]),
            "outline_mm" if flat else "surface_mm2": float(wall[branch]),
            **{f"direction_{axis}": part for axis, part in zip("xyz", towards)},
            "touches_volume_border": bool(touched["volume"][number]),
            **({"touches_organ_border": bool(touched["organ"][number])} if organ is not None else {}),
        }
        rows.append(row)
    return sorted(rows, key=lambda row: int(row["branch"]))


def touched_borders(found: ScaleDecomposition, organ: NDArray[np.bool_] | None) -> dict[str, NDArray[np.bool_]]:
    """Whether each branch, and 0 for the background, has a voxel at the volume's border, and at or beyond the organ's.

    Args:
        found: n branches on a grid (*S).
        organ: bool (*S) or None.

    Returns:
        bool (n + 1,), as `volume` and, with an organ, `organ`.
    """
    branches, count = found.branches, len(found.radii_mm) + 1
    touched = {"volume": np.zeros(count, dtype=bool)}
    for axis in range(branches.ndim):
        for side in (0, -1):
            touched["volume"][np.take(branches, side, axis=axis)] = True
    if organ is not None:
        beyond = ~organ.reshape(-1)[found.places] | at_surface(organ, found.places)
        at_border = branches.reshape(-1)[found.places[beyond]]
        touched["organ"] = np.bincount(at_border, minlength=count) > 0
    return touched


def _chord(paths: BranchCurves, branch: int, near: int) -> tuple[float, FloatArray]:
    """How far the ends of a branch are apart, and the direction from the near to the far one; 0 for a loop."""
    points = paths.curves.points_mm[paths.points(branch)]
    way = points[-1] - points[0] if near == 0 else points[0] - points[-1]
    norm = float(np.linalg.norm(way))
    return norm, way / norm if norm > 0 else way


def _step(paths: BranchCurves, branch: int) -> float:
    """Length over which a branch's bends are seen: a diameter, or three voxels where that is more."""
    steps = paths.curves.steps_mm[paths.points(branch)][:-1]
    return max(2 * float(paths.branch_radii_mm[branch]), 3 * float(steps.mean()) if len(steps) else 0.0)


def _clear_radii(paths: BranchCurves, branch: int, near: int) -> tuple[FloatArray, FloatArray]:
    """Radii along a branch from its near end, and how far along they are, clear of what its junctions hide."""
    part, clear = paths.points(branch), paths.clear_of_ends(branch)
    along = paths.along_mm(branch)[clear]
    radii = paths.radii_mm[part][clear]
    return (radii, along) if near == 0 else (radii[::-1], along[-1] - along[::-1])

"""A tree in 3D for a page: its wall, each triangle of the branch that it is nearest to."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ramify.analysis.page.paints import Paint
from ramify.analysis.vessel_tree import VesselTree
from ramify.drawing.colours import as_hex
from ramify.report.grouped_surface import grouped_surface
from ramify.report.scene import packed_surfaces
from ramify.vessels.branches import voxels_of
from ramify.vessels.distance import surface


def tree_scene(tree: VesselTree, paints: Sequence[Paint], most_triangles: int) -> dict[str, Any] | None:
    """What report/viewer.js draws, as plain data; None in 2D.

    most_triangles: of the surface.
    """
    if tree.place.ndim != 3:
        return None
    mask = tree.decomposition.branches > 0
    wall_voxels = surface(mask)
    # A mask that fills its volume has no wall; its caps are drawn all the same.
    voxels = voxels_of(wall_voxels if wall_voxels.any() else mask)
    # Rows go by the branches' numbers, and so do the groups.
    row_of_path = np.argsort(np.argsort(tree.paths.curves.branches))
    group = tree.map_of(row_of_path)[tuple(voxels.T)].astype(np.int64)
    wall, ranges = grouped_surface(mask, tree.place, voxels, group, tree.paths.n_branches, most_triangles)
    return {
        **packed_surfaces([wall]),
        "counts": [count for _, count in ranges],
        "choices": {
            paint.name: {"colours": [as_hex(colour) for colour in paint.colours], "of": list(paint.of)}
            for paint in paints
        },
    }

"""The wall of a mask for the eye, its triangles told apart by what its voxels are."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ramify.data.volume import Volume
from ramify.report.simplification import simplified
from ramify.report.surfaces import Surface, extract_surface, smoothed

SMOOTHING_ROUNDS = 8

Ranges = list[tuple[int, int]]
"""First triangle and number of triangles of each group."""


def grouped_surface(
    mask: NDArray[np.bool_],
    place: Volume,
    voxels: NDArray[np.integer],
    group: NDArray[np.integer],
    n_groups: int,
    most_triangles: int,
) -> tuple[Surface, Ranges]:
    """The mask's surface, smoothed and simplified, its triangles sorted by group, and where each group's are.

    Args:
        mask: bool (z, y, x), on the grid of `place`, not empty.
        place: the volume that says where the grid lies.
        voxels: int (N, 3), those of the mask's wall; a triangle is of the group of the nearest one.
        group: int (N,), 0 .. n_groups - 1.
        n_groups: how many groups there are.
        most_triangles: of the surface.
    """
    surface = simplified(smoothed(extract_surface(mask, place), SMOOTHING_ROUNDS), most_triangles)
    matrix, offset = place.affine()
    middles = surface.points[surface.triangles].mean(axis=1)[:, ::-1]
    indices = (middles - offset) @ np.linalg.inv(matrix).T
    spacing = np.array(place.spacing_mm)
    nearest = cKDTree(voxels * spacing).query(indices * spacing)[1]
    of_triangle = group[nearest]
    counts = np.bincount(of_triangle, minlength=n_groups)
    starts = np.cumsum(counts) - counts
    order = np.argsort(of_triangle, kind="stable")
    ranges = [(int(first), int(count)) for first, count in zip(starts, counts)]
    return Surface(surface.points, surface.triangles[order]), ranges

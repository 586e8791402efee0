"""Occupancy of tubes whose volume has a formula, and which edge a voxel belongs to."""

import numpy as np
import pytest

from ramify.phantoms.rasterisation import owning_edges, rasterise
from ramify.phantoms.vessel_graph import VesselGraph


def tubes(*ends_and_radii: tuple[list[float], list[float], float]) -> VesselGraph:
    """A graph of separate straight vessels."""
    nodes = [point for start, end, _ in ends_and_radii for point in (start, end)]
    count = len(ends_and_radii)
    return VesselGraph(
        nodes_mm=np.array(nodes, float).reshape(2 * count, -1) if count else np.zeros((0, 3)),
        edges=np.arange(2 * count, dtype=np.int32).reshape(count, 2),
        radii_mm=np.array([radius for *_, radius in ends_and_radii], float),
        trees=np.zeros(count, np.int32),
        tree_names=("tubes",),
    )


def segment_distances(points, start, end):
    """Distances of points to a segment, written out plainly."""
    way = np.subtract(end, start)
    along = np.clip((points - start) @ way / max(way @ way, 1e-12), 0, 1)
    return np.linalg.norm(points - (start + along[:, None] * way), axis=1)


@pytest.mark.parametrize("radius", [0.6, 0.8, 1.0, 1.7, 3.0, 8.0])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (0.5, 0.8, 0.8)])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.5, 0.5), (0.21, 0.37)])
@pytest.mark.parametrize("axis", [0, 2])
def test_straight_tube_has_the_volume_of_a_cylinder(radius, spacing_mm, offset, axis):
    # Through the whole volume, so no round end counts; radius in voxels of the finest axis.
    radius_mm = radius * min(spacing_mm)
    size = [int(np.ceil(2 * (radius_mm + 2 * step) / step)) for step in spacing_mm]
    size[axis] = 9
    extent = np.array(size) * spacing_mm
    middle = extent / 2
    across = [a for a in range(3) if a != axis]
    middle[across] = np.floor(middle[across] / np.array(spacing_mm)[across]) * np.array(spacing_mm)[across]
    middle[across] += np.array(offset) * np.array(spacing_mm)[across]
    start, end = middle.copy(), middle.copy()
    start[axis], end[axis] = -20.0, extent[axis] + 20.0

    occupancy = rasterise(tubes((start, end, radius_mm)), size, spacing_mm)

    volume = occupancy.sum(dtype=float) * np.prod(spacing_mm)
    assert volume == pytest.approx(np.pi * radius_mm**2 * extent[axis], rel=0.02)


@pytest.mark.parametrize("radius", [0.6, 1.3, 4.0])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0)])
def test_oblique_tube_has_the_volume_of_a_cylinder_with_round_ends(radius, spacing_mm):
    start, end = [9.0, 8.3, 9.1], [17.2, 21.4, 14.9]
    size = [int(30 / step) for step in spacing_mm]
    length = np.linalg.norm(np.subtract(end, start))

    occupancy = rasterise(tubes((start, end, radius)), size, spacing_mm)

    expected = np.pi * radius**2 * length + 4 / 3 * np.pi * radius**3
    assert occupancy.sum(dtype=float) * np.prod(spacing_mm) == pytest.approx(expected, rel=0.02)


def test_strip_in_a_plane_covers_exact_shares_of_its_rows():
    # Walls at y = 2.75 and 7.25, so rows 2 and 7 are a quarter vessel.
    occupancy = rasterise(tubes(([5.0, -9.0], [5.0, 19.0], 2.25)), (10, 10), (1.0, 1.0))

    assert occupancy.shape == (10, 10)
    assert occupancy[:, 4] == pytest.approx([0, 0, 0.25, 1, 1, 1, 1, 0.25, 0, 0], abs=0.02)
    assert (occupancy == occupancy[:, :1]).all()


def test_overlapping_vessels_count_once():
    once = ([2.0, 10.0, 10.0], [18.0, 10.0, 10.0], 2.3)
    other = ([10.0, 2.0, 9.0], [10.0, 18.0, 11.0], 1.6)
    size, spacing_mm = (20, 20, 20), (1.0, 1.0, 1.0)

    first, second = (rasterise(tubes(tube), size, spacing_mm) for tube in (once, other))
    both = rasterise(tubes(once, other), size, spacing_mm)

    assert (rasterise(tubes(once, once), size, spacing_mm) == first).all()
    assert both.max() == 1
    assert (both >= np.maximum(first, second)).all()
    assert (both <= first + second + 1e-6).all()


def test_moving_by_whole_voxels_moves_the_occupancy():
    size, spacing_mm = (14, 24, 24), (2.0, 1.0, 1.0)
    start, end = np.array([8.3, 7.7, 9.2]), np.array([15.1, 12.4, 10.0])
    moved = np.array([4.0, 3.0, -2.0])

    here = rasterise(tubes((start, end, 1.4)), size, spacing_mm)
    there = rasterise(tubes((start + moved, end + moved, 1.4)), size, spacing_mm)

    assert np.roll(here, (2, 3, -2), axis=(0, 1, 2)) == pytest.approx(there, abs=1e-6)


def test_axis_swap_swaps_the_occupancy():
    start, end = [4.0, 5.0, 3.0], [8.0, 12.0, 14.0]
    swapped = rasterise(tubes((start[::-1], end[::-1], 1.2)), (16, 16, 16), (1.0, 1.0, 1.0))

    straight = rasterise(tubes((start, end, 1.2)), (16, 16, 16), (1.0, 1.0, 1.0))

    assert swapped == pytest.approx(straight.transpose(), abs=1e-6)


def test_coarse_voxel_is_the_mean_of_the_fine_ones_in_it():
    tube = tubes(([4.2, 5.1, 3.3], [9.0, 11.7, 13.0], 1.5))

    coarse = rasterise(tube, (16, 16, 16), (1.0, 1.0, 1.0))
    fine = rasterise(tube, (64, 64, 64), (0.25, 0.25, 0.25))

    assert coarse == pytest.approx(fine.reshape(16, 4, 16, 4, 16, 4).mean(axis=(1, 3, 5)), abs=0.03)


def test_graph_without_edges_is_empty():
    assert rasterise(tubes(), (4, 5, 6), (1.0, 1.0, 1.0)).sum() == 0
    assert (owning_edges(tubes(), np.zeros((4, 5, 6), bool), (1.0, 1.0, 1.0)) == -1).all()


def test_owner_is_the_edge_whose_wall_is_nearest():
    # Between y = 3 (radius 1) and y = 13 (radius 3) the walls are equally far at y = 7.
    graph = tubes(([3.0, -5.0], [3.0, 25.0], 1.0), ([13.0, -5.0], [13.0, 25.0], 3.0))

    owners = owning_edges(graph, np.ones((20, 20), bool), (1.0, 1.0))

    assert (owners[:7] == 0).all()
    assert (owners[7:] == 1).all()


def test_owners_equal_brute_force_on_random_vessels():
    rng = np.random.default_rng(3)
    ends = rng.uniform(0, 24, (12, 2, 3))
    radii = rng.uniform(0.3, 3, 12)
    graph = tubes(*[(start.tolist(), end.tolist(), float(r)) for (start, end), r in zip(ends, radii, strict=True)])
    mask = rng.random((12, 24, 24)) < 0.2
    spacing_mm = (2.0, 1.0, 1.0)

    owners = owning_edges(graph, mask, spacing_mm)

    points = (np.argwhere(mask) + 0.5) * spacing_mm
    walls = np.stack([segment_distances(points, a, b) - r for (a, b), r in zip(ends, radii, strict=True)])
    assert (owners[mask] == walls.argmin(axis=0)).all()
    assert (owners[~mask] == -1).all()


@pytest.mark.parametrize(
    ("size", "spacing_mm", "message"),
    [
        ((8, 8), (1.0, 1.0, 1.0), "size: expected 3"),
        ((8, 8, 0), (1.0, 1.0, 1.0), "size: expected 3"),
        ((8, 8, 8), (1.0, 1.0), "spacing_mm: expected 3"),
        ((8, 8, 8), (1.0, 0.0, 1.0), "spacing_mm: expected 3 positive"),
        ((8, 8, 8), (1.0, float("nan"), 1.0), "spacing_mm: expected 3 positive"),
    ],
)
def test_bad_grids_are_refused(size, spacing_mm, message):
    with pytest.raises(ValueError, match=message):
        rasterise(tubes(([1.0, 1, 1], [5.0, 5, 5], 1.0)), size, spacing_mm)


def test_owners_of_voxels_need_an_edge():
    with pytest.raises(ValueError, match="at least one edge"):
        owning_edges(tubes(), np.ones((3, 3, 3), bool), (1.0, 1.0, 1.0))

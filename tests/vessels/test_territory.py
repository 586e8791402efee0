import numpy as np
import pytest
from scipy.ndimage import label

from ramify.vessels.branches import trace_branches
from ramify.vessels.distance import nearest_among
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.territory import deepest_branch, nearest_branch, owners_with_junctions
from ramify.vessels.voxel_rows import VoxelRows


def by_nearest(graph, radii, mask, spacing):
    rows = VoxelRows.of(mask)
    return on_map(rows, nearest_branch(graph, radii, nearest_among(rows, rows.numbers(graph.voxels), spacing)))


def by_depth(graph, radii, mask, spacing):
    rows = VoxelRows.of(mask)
    nearest = nearest_among(rows, rows.numbers(graph.voxels), spacing)
    return on_map(rows, deepest_branch(graph, radii, rows, nearest, spacing))


def on_map(rows, values):
    found = np.zeros(rows.shape, dtype=values.dtype)
    found.reshape(-1)[rows.places] = values
    return found


def thick_line_with_thin_branch():
    """A vessel 13 wide along the second axis, and one 3 wide that leaves it upwards."""
    mask = np.zeros((50, 61), dtype=bool)
    mask[35:48] = True
    mask[:35, 29:32] = True
    skeleton = np.zeros_like(mask)
    skeleton[41] = True
    skeleton[:41, 30] = True
    return mask, trace_branches(skeleton)


def test_junction_goes_to_the_thickest_branch_at_it():
    skeleton = np.zeros((9, 9), dtype=bool)
    skeleton[4] = True
    skeleton[:4, 4] = True
    graph = trace_branches(skeleton)
    radii = np.array([1.0, 2.0, 3.0])
    owner = owners_with_junctions(graph, radii)
    assert np.all(owner[graph.owner < 0] == 2)
    assert np.array_equal(owner[graph.owner >= 0], graph.owner[graph.owner >= 0])
    assert np.all(owners_with_junctions(graph, np.ones(3))[graph.owner < 0] == 0)


def test_thin_branch_owns_none_of_the_thick_ones_wall():
    mask, graph = thick_line_with_thin_branch()
    length = np.diff(graph.starts)
    thin = int(np.argmax(np.abs(length - 40) < 3))
    radii = np.where(np.arange(3) == thin, 1.5, 6.5)
    nearest = by_nearest(graph, radii, mask, (1.0, 1.0)) == thin + 1
    deepest = by_depth(graph, radii, mask, (1.0, 1.0)) == thin + 1
    # By distance alone it takes more and more of the wall on both sides of itself.
    assert nearest[35, 25]
    assert not deepest[35:, 20:28].any()
    assert deepest[:34, 29:32].all()


def test_territories_cover_the_mask_and_stay_in_their_component():
    mask = np.random.default_rng(0).random((16, 16, 16)) < 0.2
    graph = trace_branches(skeletonize(mask))
    deepest = by_depth(graph, np.full(graph.n_branches, 4.0), mask, (2.0, 1.0, 1.0))
    assert np.array_equal(deepest > 0, mask)
    assert set(np.unique(deepest[mask])) == set(range(1, graph.n_branches + 1))
    component = label(mask, np.ones((3, 3, 3)))[0]
    of_branch = component[tuple(graph.voxels[graph.order[graph.starts[:-1]]].T)]
    assert np.array_equal(of_branch[deepest[mask] - 1], component[mask])


@pytest.mark.parametrize("size", [(20, 20), (9, 9, 9)])
def test_one_branch_owns_all(size):
    mask = np.ones(size, dtype=bool)
    line = np.zeros(size, dtype=bool)
    line[(slice(None), *(extent // 2 for extent in size[1:]))] = True
    graph = trace_branches(line)
    assert np.all(by_depth(graph, np.array([2.0]), mask, (1.0,) * len(size)) == 1)

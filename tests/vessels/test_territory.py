import numpy as np
import pytest
from scipy.ndimage import label

from ramify.vessels.branches import trace_branches
from ramify.vessels.distance import nearest_label
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.territory import deepest_branch, nearest_branch, owners_with_junctions


def nearest_voxel(graph, mask, spacing):
    seeds = np.zeros(mask.shape, dtype=np.int32)
    seeds[tuple(graph.voxels.T)] = np.arange(1, len(graph.voxels) + 1)
    return nearest_label(seeds, mask, spacing)


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
    nearest = nearest_voxel(graph, mask, (1.0, 1.0))
    by_distance = nearest_branch(graph, radii, nearest) == thin + 1
    by_depth = deepest_branch(graph, radii, nearest, (1.0, 1.0)) == thin + 1
    # By distance alone it takes more and more of the wall on both sides of itself.
    assert by_distance[35, 25]
    assert not by_depth[35:, 20:28].any()
    assert by_depth[:34, 29:32].all()


def test_territories_cover_the_mask_and_stay_in_their_component():
    mask = np.random.default_rng(0).random((16, 16, 16)) < 0.2
    graph = trace_branches(skeletonize(mask))
    nearest = nearest_voxel(graph, mask, (2.0, 1.0, 1.0))
    by_depth = deepest_branch(graph, np.full(graph.n_branches, 4.0), nearest, (2.0, 1.0, 1.0))
    assert np.array_equal(by_depth > 0, mask)
    assert set(np.unique(by_depth[mask])) == set(range(1, graph.n_branches + 1))
    component = label(mask, np.ones((3, 3, 3)))[0]
    of_branch = component[tuple(graph.voxels[graph.order[graph.starts[:-1]]].T)]
    assert np.array_equal(of_branch[by_depth[mask] - 1], component[mask])


@pytest.mark.parametrize("size", [(20, 20), (9, 9, 9)])
def test_one_branch_owns_all(size):
    mask = np.ones(size, dtype=bool)
    line = np.zeros(size, dtype=bool)
    line[(slice(None), *(extent // 2 for extent in size[1:]))] = True
    graph = trace_branches(line)
    nearest = nearest_voxel(graph, mask, (1.0,) * len(size))
    assert np.all(deepest_branch(graph, np.array([2.0]), nearest, (1.0,) * len(size)) == 1)

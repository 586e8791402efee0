import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter, label
from skimage.measure import euler_number

from ramify.vessels.balls import GONE
from ramify.vessels.branches import CLOSED, FREE, trace_branches
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.spurs import _Pruning, prune_spurs


def pruned(skeleton: np.ndarray, depth: float):
    graph = trace_branches(skeleton)
    return prune_spurs(graph, np.full(len(graph.voxels), depth), (1.0,) * skeleton.ndim)


def with_spur(length: int) -> np.ndarray:
    """A line with a spur in its middle, to the side."""
    skeleton = np.zeros((60, 101), dtype=bool)
    skeleton[50] = True
    skeleton[50 - length : 50, 50] = True
    return skeleton


# In a vessel of radius 3 (3.5 to the nearest voxel outside) a spur must reach two diameters, 12, out of the wall: its
# last ball ends 3 beyond its tip, the wall is 3 beside the line.
@pytest.mark.parametrize(("length", "branches"), [(4, 1), (11, 1), (14, 3)])
def test_a_spur_stays_that_reaches_two_diameters_out_of_the_wall(length: int, branches: int):
    graph = pruned(with_spur(length), depth=3.5)
    assert graph.n_branches == branches
    if branches == 1:
        assert graph.ends.tolist() == [[FREE, FREE]]
        assert graph.cluster.max() == -1
        path = graph.voxels[graph.order]
        assert path[[0, -1], 1].tolist() in ([0, 100], [100, 0])
        assert np.abs(np.diff(path, axis=0)).max() <= 2


def test_a_long_spur_along_the_wall_goes():
    skeleton = np.zeros((20, 80), dtype=bool)
    skeleton[12] = True
    skeleton[9:12, 10] = True
    skeleton[8, 11:60] = True  # 49 voxels, never more than 4 from the line
    assert pruned(skeleton, depth=3.5).n_branches == 1


def test_a_thin_vessel_needs_no_more_than_its_parent_is_thick_beside_a_thick_trunk():
    # Most of the tree is 1 thick, the trunk 21: a thin vessel must reach out of it by two of the thin diameters.
    skeleton = np.zeros((90, 300), dtype=bool)
    skeleton[30, :100] = skeleton[45, 100:] = skeleton[15, 100:] = True
    skeleton[30:46, 99] = skeleton[15:30, 99] = True
    skeleton[31:46, 50] = True
    graph = trace_branches(skeleton)
    trunk = (graph.voxels[:, 0] == 30) & (graph.voxels[:, 1] < 100)
    left = prune_spurs(graph, np.where(trunk, 11.0, 1.0), (1.0, 1.0))
    assert (left.voxels[:, 1] == 50).sum() > 10


def test_the_short_end_of_a_trunk_is_no_spur_of_its_last_side_vessel():
    skeleton = np.zeros((60, 60), dtype=bool)
    skeleton[30, 6:58] = True
    skeleton[:30, 10] = True
    graph = trace_branches(skeleton)
    left = prune_spurs(graph, np.where(graph.voxels[:, 0] == 30, 5.5, 1.0), (1.0, 1.0))
    assert left.n_branches == 3
    assert left.voxels[:, 1].min() == 6


def test_a_bridge_within_the_vessels_that_touch_goes_and_one_that_all_hangs_on_stays():
    # Two lines four apart, in vessels of radius 3 that touch, with bridges between them.
    skeleton = np.zeros((20, 60), dtype=bool)
    skeleton[6, 1:59] = skeleton[10, 1:59] = True
    skeleton[7:10, 20] = skeleton[7:10, 40] = True
    graph = pruned(skeleton, depth=3.5)
    columns = graph.voxels[(graph.voxels[:, 0] == 8), 1]
    assert columns.tolist() in ([20], [40])


def test_bridges_stay_where_they_are_to_and_spurs_go_all_the_same():
    skeleton = np.zeros((20, 60), dtype=bool)
    skeleton[6, 1:59] = skeleton[10, 1:59] = True
    skeleton[7:10, 20] = skeleton[7:10, 40] = skeleton[4:6, 30] = True
    graph = trace_branches(skeleton)
    kept = prune_spurs(graph, np.full(len(graph.voxels), 3.5), (1.0, 1.0), keep_bridges=True)
    assert kept.voxels[kept.voxels[:, 0] == 8, 1].tolist() == [20, 40]
    assert not (kept.voxels[:, 0] == 4).any()


def test_a_wide_loop_stays():
    skeleton = np.zeros((60, 60), dtype=bool)
    skeleton[5:55, 5] = skeleton[5:55, 55] = skeleton[5, 5:56] = skeleton[55, 5:56] = skeleton[30, 5:56] = True
    assert pruned(skeleton, depth=1.5).n_branches == 3


def test_two_longest_branches_stay_where_all_are_short():
    skeleton = np.zeros((12, 12), dtype=bool)
    skeleton[5, 1:6] = True
    skeleton[5, 6:9] = True
    skeleton[3:5, 5] = True
    graph = pruned(skeleton, depth=50.0)
    assert graph.n_branches == 1
    assert graph.voxels[graph.order][:, 1].min() == 1
    assert graph.voxels[graph.order][:, 1].max() == 8


def test_loop_on_a_stalk_closes_once_the_stalk_is_gone():
    skeleton = np.zeros((12, 12), dtype=bool)
    skeleton[2:9, 2:9] = True
    skeleton[3:8, 3:8] = False
    skeleton[5, 9:11] = True
    graph = pruned(skeleton, depth=4.0)
    assert graph.n_branches == 1
    assert graph.ends.tolist() == [[CLOSED, CLOSED]]


def test_branches_between_junctions_stay_however_short():
    skeleton = np.zeros((41, 62), dtype=bool)
    skeleton[20, :] = True
    skeleton[:20, 29] = True
    skeleton[21:, 34] = True
    assert pruned(skeleton, depth=3.0).n_branches == 5


def test_empty_graph_stays_empty():
    assert pruned(np.zeros((4, 4), dtype=bool), depth=1.0).n_branches == 0


masks = st.sampled_from([(12, 12), (7, 7, 7)]).flatmap(lambda shape: arrays(bool, shape))


@settings(max_examples=80, deadline=None)
@given(masks, st.floats(0.5, 6.0))
def test_pruning_keeps_components_and_makes_no_hole(mask, depth):
    skeleton = skeletonize(mask)
    graph = pruned(skeleton, depth)
    left = np.zeros_like(skeleton)
    left[tuple(graph.voxels.T)] = True
    full = np.ones((3,) * mask.ndim)
    assert label(left, full)[1] == label(skeleton, full)[1]
    assert euler_number(left, connectivity=mask.ndim) >= euler_number(skeleton, connectivity=mask.ndim)
    assert np.array_equal(graph.voxels, np.argwhere(left))
    assert np.array_equal(graph.owner[graph.order], graph.branch_of_position())
    assert np.array_equal(graph.owner < 0, graph.cluster >= 0)


@pytest.mark.parametrize("seed", range(3))
def test_pruning_twice_changes_nothing(seed):
    skeleton = skeletonize(np.random.default_rng(seed).random((14, 14, 14)) < 0.2)
    once = pruned(skeleton, 2.0)
    twice = prune_spurs(once, np.full(len(once.voxels), 2.0), (1.0, 1.0, 1.0))
    assert twice.n_branches == once.n_branches
    assert np.array_equal(twice.voxels, once.voxels)


@pytest.mark.parametrize("seed", [1063, 1, 2, 3])
def test_every_ball_belongs_to_a_branch_that_is_left_or_to_a_junction(seed):
    rng = np.random.default_rng(seed)
    mask = gaussian_filter(rng.random((24, 24, 24)), 1.0) > 0.52
    graph = trace_branches(skeletonize(mask))
    pruning = _Pruning(graph, np.full(len(graph.voxels), 1.5), (1.0, 1.0, 1.0), keep_bridges=False)
    pruning.run()
    labels = set(np.unique(pruning.balls.labels).tolist())
    assert labels <= {*pruning.path, graph.n_branches, GONE}
    assert set(pruning.path) <= labels

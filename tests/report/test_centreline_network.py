import itertools

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.metrics.stored import as_stored
from ramify.report.centreline_network import trace_network
from ramify.vessels.scale_settings import ScaleSettings
from tests.report.drawn_cases import OBLIQUE, SPACING, analysed, fork, fork_2d, oblique, turned


@pytest.mark.parametrize("direction", [OBLIQUE, turned((5.0, 10.0, 80.0), True)])
@pytest.mark.parametrize("space", ["lps", "ras"])
def test_a_straight_vessel_runs_through_its_voxels_centres(direction, space):
    mask = np.zeros((9, 9, 20), dtype=bool)
    mask[3:6, 3:6, 2:18] = True
    analysis, place = analysed(mask), oblique(mask, direction)
    network = trace_network(analysis, place, space)
    centres = place.world_mm(analysis.skeleton_voxels)[:, ::-1] * ([1, 1, 1] if space == "lps" else [-1, -1, 1])
    found = network.points_mm[network.lines[0]]
    if np.linalg.norm(found[0] - centres[0]) > np.linalg.norm(found[0] - centres[-1]):
        found = found[::-1]
    # Between the tips, which lie beyond where thinning left the ends.
    np.testing.assert_allclose(found[1:-1], centres, atol=1e-9)
    assert network.n_nodes == 2
    assert network.lengths_mm[0] == pytest.approx(np.linalg.norm(found[0] - found[-1]))
    assert (len(centres) - 1) * SPACING[2] < network.lengths_mm[0] <= 16 * SPACING[2]
    np.testing.assert_array_equal(network.radii_mm[network.lines[0]], network.radii_mm[network.lines[0]][::-1])


def test_lines_of_a_fork_meet_in_one_point():
    mask = fork()
    network = trace_network(analysed(mask), oblique(mask))
    ends = np.array([[line[0], line[-1]] for line in network.lines])
    assert len(network.lines) == 3
    assert network.n_nodes == 4
    assert ends.max() == 3
    assert sorted(np.bincount(ends.ravel())) == [1, 1, 1, 3]
    inner = np.concatenate([line[1:-1] for line in network.lines])
    assert sorted(inner) == list(range(4, len(network.points_mm)))
    # Its stem is thicker than its arms, and the largest scale.
    stem = int(np.argmax(network.line_radii_mm))
    assert network.scales[stem] == network.scales.max()
    along = np.linalg.norm(np.diff(network.points_mm[network.lines[stem]], axis=0), axis=1)
    assert network.lengths_mm[stem] == pytest.approx(along.sum())


def test_a_ring_has_one_node_where_it_begins_and_ends():
    mask = np.zeros((3, 12, 12), dtype=bool)
    mask[1, 2:10, 2:10] = True
    mask[1, 3:9, 3:9] = False
    network = trace_network(analysed(mask), oblique(mask))
    (line,) = network.lines
    assert network.n_nodes == 1
    assert line[0] == line[-1] == 0
    assert len(np.unique(line)) == len(line) - 1 == len(network.points_mm)


def test_an_image_has_centrelines_without_height():
    mask = fork_2d()
    network = trace_network(analysed(mask, (0.5, 0.25)), Volume(mask, (0.5, 0.25), (3.0, 4.0)))
    assert (network.points_mm[:, 2] == 0).all()
    # From the face of the first pixel on.
    assert network.points_mm[:, 0].min() == 4.0 + 3.5 * 0.25
    assert len(network.lines) == 3


@pytest.mark.parametrize("with_region", [False, True])
def test_lines_have_the_numbers_of_the_branches_they_run_along(with_region: bool):
    """However the mask is stored: the evaluation lays it down, and turns back what it found."""
    mask = np.ascontiguousarray(fork().transpose(2, 0, 1)[::-1])
    region = np.arange(mask.shape[2]) < 20
    target = analyse_target(mask, SPACING, region=np.broadcast_to(region, mask.shape) if with_region else None)
    stored = as_stored(analyse_prediction(mask, target), target)[1]
    network = trace_network(stored, Volume(mask, SPACING))
    found = stored.decomposition
    # The stem alone is left inside the region, with the number it has in the whole tree.
    assert len(network.branches) == (1 if with_region else 3)
    assert len(set(network.branches)) == len(network.branches)
    for line, number, scale in zip(network.lines, network.branches, network.scales, strict=True):
        middle = network.points_mm[line[len(line) // 2]][::-1] / SPACING
        assert found.branches[tuple(np.rint(middle).astype(int) - stored.corner)] == number
        assert scale == found.scale_of_branch[number - 1]


def test_a_line_beside_the_scales_own_skeleton_has_the_number_of_the_vessel_it_lies_in():
    """By the paper's estimator the tree is not pruned, and has branches that the graph measures do not count."""
    mask = fork()
    mask[6, 10, 18:20] = True  # a spur
    analysis = MaskAnalysis(mask, SPACING, scale_settings=ScaleSettings(estimator="paper"))
    network = trace_network(analysis, oblique(mask))
    assert len(analysis.decomposition.radii_mm) > len(network.lines)
    middles = [analysis.centreline.voxels[(a + b) // 2] for a, b in itertools.pairwise(analysis.centreline.starts)]
    there = [analysis.decomposition.branches[tuple(middle - analysis.corner)] for middle in middles]
    assert np.count_nonzero(network.branches == there) >= len(there) - 1
    assert (network.branches > 0).all()


def test_nothing_has_an_empty_network():
    empty = np.zeros((5, 5, 5), dtype=bool)
    network = trace_network(analysed(empty), oblique(empty))
    assert (network.n_nodes, len(network.points_mm), network.lines, len(network.segments())) == (0, 0, (), 0)
    with pytest.raises(ValueError, match="expected a mask of shape"):
        trace_network(analysed(empty), oblique(fork()))

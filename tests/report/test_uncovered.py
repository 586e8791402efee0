import numpy as np

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.report.uncovered import uncovered_part
from tests.report.drawn_cases import analysed, fork, fork_2d, without_left_arm


def in_volume(analysis, part: np.ndarray) -> np.ndarray:
    whole = np.zeros(analysis.shape, dtype=bool)
    whole[analysis.box] = part
    return whole


def test_a_missed_arm_is_missed_whole_and_nothing_else():
    truth = fork()
    target, prediction = analysed(truth), analysed(without_left_arm(truth))
    missed = in_volume(target, uncovered_part(target, prediction))
    assert missed[5:8, 26:29, 2:8].all()
    assert not missed[..., 11:].any()
    assert not uncovered_part(prediction, target).any()


def test_a_wall_that_is_a_voxel_off_is_not_missed():
    truth = fork()
    thick = np.zeros_like(truth)
    thick[3:10, 1:29, 12:19] = True
    thick |= truth
    target, prediction = analysed(truth), analysed(thick)
    assert not uncovered_part(target, prediction).any()
    assert (thick & ~truth).sum() > 100


def test_all_is_missed_where_nothing_is_found_in_2d_too():
    for mask, spacing in ((fork(), (2.0, 0.75, 1.25)), (fork_2d(), (1.0, 1.0))):
        target, nothing = analysed(mask, spacing), analysed(np.zeros_like(mask), spacing)
        np.testing.assert_array_equal(in_volume(target, uncovered_part(target, nothing)), mask)
        assert uncovered_part(nothing, target).size == 0


def test_a_vessel_that_thinning_lost_counts_by_its_voxels():
    """scikit-image thins this rod to nothing: found where the other mask has a voxel of it, missed where not."""
    rod = np.zeros((8, 8, 20), dtype=bool)
    rod[2:4, 2:4, 2:18] = True
    target = MaskAnalysis(rod, (1.0, 1.0, 1.0), "scikit-image")
    assert not len(target.skeleton_voxels)
    touching = np.zeros_like(rod)
    touching[2, 2, 2] = True
    assert not uncovered_part(target, analysed(touching)).any()
    assert uncovered_part(target, analysed(np.zeros_like(rod))).sum() == rod.sum()

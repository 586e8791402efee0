"""Masks in an organ: the tree as it was drawn, of which the organ holds a part."""

import numpy as np
import pytest

from ramify.metrics.case import evaluate_case
from ramify.metrics.centreline import CENTRELINE_MEASURES
from ramify.metrics.families import FAMILIES
from ramify.metrics.graph import GRAPH_MEASURES
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.metrics.settings import EvaluationSettings, SkeletonMethod
from ramify.metrics.street_mover import STREET_MOVER_MEASURES
from ramify.metrics.summary import summarise
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales

CUBES = (1.0, 1.0, 1.0)
SETTINGS = EvaluationSettings(scales=ScaleSettings(quantiles=(0.5,), weigh="branches"))


def vessels() -> np.ndarray:
    """Along the last axis: a thick vessel (rows 4 to 14) beside the organ, a thin and a middling one in it."""
    mask = np.zeros((19, 60, 50), dtype=bool)
    mask[4:15, 4:15, 5:45] = True
    mask[8:11, 30:33, 5:45] = True
    mask[7:12, 46:51, 5:45] = True
    return mask


def organ() -> np.ndarray:
    """From the last voxel layer of the thick vessel's wall on, and not to the vessels' ends."""
    region = np.zeros((19, 60, 50), dtype=bool)
    region[:, 14:, 10:40] = True
    return region


def without_rim() -> np.ndarray:
    mask = vessels()
    mask[:, 14] = False
    return mask


def scored(prediction: np.ndarray, target: np.ndarray) -> dict:
    return dict(evaluate_case(prediction, target, CUBES, SETTINGS, organ()))


def test_a_prediction_that_lacks_the_rim_of_a_passing_vessel_lacks_no_small_vessel():
    row = scored(without_rim() & organ(), vessels())
    shell, wholly_inside = 11 * 30, 3 * 3 * 30 + 5 * 5 * 30
    assert row["sensitivity"] == pytest.approx(wholly_inside / (wholly_inside + shell))
    assert row["cldice"] == row["scale_1_tsens"] == row["scale_1_sensitivity"] == 1.0
    assert row["length_accuracy"] == 1.0
    assert row["betti0_error"] == 0.0
    # Cut before they are analysed, the rim is a vessel of its own, thinner than all others.
    cut = evaluate_case(without_rim() & organ(), vessels() & organ(), CUBES, SETTINGS, organ())
    assert cut["betti0_error"] == 1.0
    assert cut["tsens"] < 0.8


@pytest.mark.parametrize("method", ["guarded", "scikit-image"])
def test_whether_the_prediction_was_cut_to_the_organ_changes_nothing(method: SkeletonMethod):
    settings = SETTINGS.model_copy(update={"skeleton": method})
    prediction = without_rim()
    prediction[8:11, 30:33, 20:24] = False  # a gap
    rows = [evaluate_case(mask, vessels(), CUBES, settings, organ()) for mask in (prediction, prediction & organ())]
    assert rows[0] == rows[1]
    assert rows[0]["tsens"] == pytest.approx(1 - 4 / 60 if method == "guarded" else rows[1]["tsens"])


def test_what_is_predicted_outside_the_organ_counts_for_nothing():
    everywhere = vessels() | ~organ()
    assert scored(everywhere, vessels()) == scored(vessels(), vessels())


def test_a_vessel_that_crosses_the_border_does_not_end_there():
    target = analyse_target(vessels(), CUBES, region=organ())
    for mask in (vessels(), vessels() & organ()):
        prediction = analyse_prediction(mask, target)
        for analysis in (prediction, target):
            assert len(analysis.centreline.endpoints_mm) == 0
            assert analysis.centreline.n_curves == 2
            # From the first to the last voxel centre within: 29 steps, and none of the vessel outside.
            assert analysis.centreline.length_mm == pytest.approx(2 * 29)


def test_a_vessel_that_ends_in_the_organ_ends_there():
    stump = vessels()
    stump[8:11, 30:33, 25:] = False
    target = analyse_target(vessels(), CUBES, region=organ())
    ends = analyse_prediction(stump, target).centreline.endpoints_mm
    assert ends.shape == (1, 3)
    row = scored(stump, vessels())
    assert row["endpoint_accuracy"] == 0.0  # one, where the truth has none


def test_a_truth_cut_to_the_organ_is_measured_as_it_is():
    """What was outside is not known: its ends at the border are ends, of both masks."""
    row = scored(vessels(), vessels() & organ())
    assert row == scored(vessels() & organ(), vessels() & organ())
    assert row["cldice"] == row["endpoint_accuracy"] == row["scale_1_dice"] == 1.0


def test_the_scales_are_those_of_the_whole_tree_with_thresholds_from_the_organ():
    target = analyse_target(vessels(), CUBES, scales=SETTINGS.scales, region=organ())
    whole = decompose_scales(vessels(), CUBES, SETTINGS.scales, organ())
    found = target.poses[0].restore(_on_the_volume(target))
    assert np.array_equal(found, np.where(organ(), whole.scale_map, 0))
    assert (found[9, 14, 20], found[9, 31, 20]) == (2, 1)


def test_a_decomposition_cut_to_a_region_has_the_whole_trees_branches():
    """A vessel askew, half of which the region holds: its curve is not pressed against the region's faces."""
    mask = np.zeros((64, 64), dtype=bool)
    for step in range(5, 59):
        mask[step - 2 : step + 3, step - 2 : step + 3] = True
    region = np.arange(64)[:, None] < np.full((1, 64), 32)
    whole, cut = (analyse_target(mask, CUBES[1:], region=given) for given in (None, region))
    rows, own = cut.decomposition.rows(), whole.decomposition.rows()
    assert [row.length_mm for row in rows] == pytest.approx([row.length_mm for row in own])
    assert sum(row.length_mm for row in rows) > 70
    np.testing.assert_allclose(
        cut.decomposition.nodes_mm + cut.corner, whole.decomposition.nodes_mm + whole.corner, atol=1e-9
    )


def _on_the_volume(target: MaskAnalysis) -> np.ndarray:
    volume = np.zeros(target.shape, dtype=np.uint8)
    volume[target.box] = target.decomposition.scale_map
    return volume


def test_the_nearest_vessel_of_a_false_voxel_may_pass_outside():
    """One layer of false voxels on the thick vessel, whose own wall ends a voxel before the organ."""
    region = organ()
    region[:, 14] = False
    prediction = vessels()
    prediction[4:15, 15, 12:38] = True
    row = evaluate_case(prediction, vessels(), CUBES, SETTINGS, region)
    assert row["stray_share"] == 0.0
    assert row["scale_1_dice"] == 1.0


def test_an_organ_that_holds_no_centreline():
    """A rim alone: there is something to find, but no centreline of it lies in the organ."""
    region = np.zeros_like(organ())
    region[:, 14:16] = True
    everything = SETTINGS.model_copy(update={"measures": tuple(FAMILIES)})
    undefined = {measure.name for measure in (*CENTRELINE_MEASURES, *GRAPH_MEASURES, *STREET_MOVER_MEASURES)}
    # 0 of 0 is found, by whatever prediction: the same, none, a false vessel where the organ holds none.
    false = np.zeros_like(region)
    false[2, 14:16, 5:45] = True
    for prediction, dice in ((vessels(), 1.0), (vessels() & False, 0.0), (false, 0.0)):
        row = evaluate_case(prediction, vessels(), CUBES, everything, region)
        assert row["dice"] == dice
        assert {name for name in undefined if row[name] is not None} == set()
        assert row["scale_2_tsens"] is None
        assert row["betti0_error"] is not None
    # An empty truth is another thing: all that is predicted is false.
    nothing = evaluate_case(vessels(), vessels() & ~region, CUBES, everything, region)
    assert nothing["empty_truth"]
    assert nothing["cldice"] == nothing["length_recall"] == 0.0


def test_a_case_without_a_centreline_is_in_no_mean():
    region = np.zeros_like(organ())
    region[:, 14:16] = True
    rows = {
        "rim": dict(evaluate_case(vessels(), vessels(), CUBES, SETTINGS, region)),
        "whole": scored(without_rim() & organ(), vessels()),
    }
    summary = summarise(rows, ["dice", "cldice"])
    assert (summary["dice"]["n"], summary["cldice"]["n"]) == (2, 1)
    assert summary["cldice"]["mean"] == rows["whole"]["cldice"]


def test_a_prediction_with_nothing_in_the_organ_has_no_topology():
    row = scored(vessels() & ~organ(), vessels())
    assert row["empty_prediction"]
    assert row["betti0_error"] == 3.0


def test_topology_in_patches_is_that_of_the_whole_vessels_too():
    settings = EvaluationSettings.model_validate({"measures": ["topology"], "topology": {"patch_voxels": 16}})
    row = evaluate_case(without_rim() & organ(), vessels(), CUBES, settings, organ())
    assert row["patch_betti0_error"] == 0.0


def test_a_plane():
    mask, region = vessels()[9], organ()[9]
    row = evaluate_case(mask & region & (np.arange(60) != 14)[:, None], mask, (1.0, 1.0), SETTINGS, region)
    assert row["cldice"] == row["endpoint_accuracy"] == 1.0
    assert row["dice"] < 1.0

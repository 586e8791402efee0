import numpy as np
import pytest

from ramify.metrics.case import evaluate_case
from ramify.metrics.class_scores import counted, evaluate_classes, mean_of_classes
from ramify.metrics.classes import parse_classes
from ramify.metrics.settings import EvaluationSettings

SPACING = (2.0, 0.5, 0.5)
QUICK = EvaluationSettings(measures=("overlap", "surface"))


def label_maps() -> tuple[np.ndarray, np.ndarray]:
    """Three vessels: the first found, the second half found, the third not there in either."""
    target = np.zeros((5, 12, 20), dtype=np.int32)
    target[1:4, 2:5, 2:18] = 1
    target[1:4, 7:10, 2:18] = 2
    prediction = target.copy()
    prediction[1:4, 7:10, 10:] = 0
    return prediction, target


def test_each_class_is_a_mask_of_its_own():
    prediction, target = label_maps()
    rows = evaluate_classes(prediction, target, SPACING, parse_classes(["a=1", "2", "all=1+2"]), QUICK)
    assert list(rows) == ["a", "2", "all"]
    assert rows["a"]["dice"] == 1.0
    assert rows["2"] == evaluate_case(prediction == 2, target == 2, SPACING, QUICK)
    assert rows["all"] == evaluate_case(prediction > 0, target > 0, SPACING, QUICK)


def test_a_class_in_neither_is_in_no_mean():
    classes = parse_classes(["1", "2", "7"])
    rows = evaluate_classes(*label_maps(), SPACING, classes, QUICK)
    assert (rows["7"]["dice"], rows["7"]["hd_mm"]) == (None, None)
    assert rows["7"]["empty_prediction"] is rows["7"]["empty_truth"] is True
    assert mean_of_classes(rows) == mean_of_classes({name: rows[name] for name in "12"})
    perfect = evaluate_classes(*label_maps(), SPACING, classes, QUICK.model_copy(update={"both_empty": "perfect"}))
    assert (perfect["7"]["dice"], perfect["7"]["hd_mm"]) == (1.0, 0.0)


def test_a_region_cuts_every_class():
    prediction, target = label_maps()
    region = np.zeros(target.shape, dtype=bool)
    region[..., :10] = True
    rows = evaluate_classes(prediction, target, SPACING, parse_classes(["1", "2"]), QUICK, region)
    assert rows["2"]["dice"] == 1.0
    assert rows["2"]["accuracy"] == 1.0


def test_the_mean_is_over_the_classes():
    rows = evaluate_classes(*label_maps(), SPACING, parse_classes(["1", "2"]), QUICK)
    mean = mean_of_classes(rows)
    assert mean["dice"] == pytest.approx((1 + rows["2"]["dice"]) / 2)
    assert mean["hd_mm"] == pytest.approx(rows["2"]["hd_mm"] / 2)
    assert (mean["empty_prediction"], mean["empty_truth"]) == (False, False)


def test_what_a_class_does_not_define_is_not_in_the_mean():
    flags = {"empty_prediction": True, "empty_truth": False}
    rows = {"1": {"dice": 0.5, "odd": None, **flags}, "2": {"dice": 0.75, "odd": None, **flags}}
    assert mean_of_classes(rows) == {"dice": 0.625, "odd": None, **flags}
    rows["2"] = {"dice": None, "odd": 3.0, **flags, "empty_prediction": False}
    assert mean_of_classes(rows) == {"dice": 0.5, "odd": 3.0, "empty_prediction": False, "empty_truth": False}


def test_fractions_are_no_labels():
    prediction, target = label_maps()
    with pytest.raises(ValueError, match="prediction: expected a label map of whole numbers, got dtype float64"):
        evaluate_classes(prediction * 0.5, target, SPACING, parse_classes(["1"]))
    with pytest.raises(ValueError, match="resample one onto the other's grid"):
        evaluate_classes(prediction[1:], target, SPACING, parse_classes(["1"]))


def test_ignored_voxels_change_nothing_whatever_is_predicted_there():
    """For every measure: overlaps, skeletons, graphs, topology and scales."""
    prediction, target = label_maps()
    target[1:4, 1:11, 8:12] = 9
    everything = EvaluationSettings.model_validate({"measures": ["all"], "street_mover": {"points": 20}})
    rows = []
    for there in (prediction, 0, 1, 2, 9, np.arange(12)[:, None] % 3):
        guess = np.where(target == 9, there, prediction).astype(np.int32)
        rows.append(evaluate_classes(guess, target, SPACING, parse_classes(["1", "2"]), everything, ignore=9))
    assert rows[0]["1"]["dice"] == rows[0]["1"]["cldice"] == 1.0
    assert rows[0]["1"]["betti0_error"] == 0.0
    assert all(row == rows[0] for row in rows[1:])


def test_an_ignore_value_that_no_voxel_has_changes_nothing():
    maps, classes = label_maps(), parse_classes(["1", "2"])
    assert evaluate_classes(*maps, SPACING, classes, ignore=9) == evaluate_classes(*maps, SPACING, classes)


def test_what_is_ignored_is_cut_out_of_the_region():
    target = np.array([[1, 9, 0]])
    region = np.array([[True, True, False]])
    assert counted(target, None) is None
    assert counted(target, 8, region) is region
    assert counted(target, 9).tolist() == [[True, False, True]]
    assert counted(target, 9, region).tolist() == [[True, False, False]]

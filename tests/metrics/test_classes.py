import numpy as np
import pytest

from ramify.metrics.case import evaluate_case
from ramify.metrics.classes import LabelClass, evaluate_classes, mean_of_classes, parse_classes
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


def test_words_for_classes():
    assert parse_classes(["1", "portal=2", "veins=3+4"]) == (
        LabelClass("1", (1,)),
        LabelClass("portal", (2,)),
        LabelClass("veins", (3, 4)),
    )
    assert parse_classes([]) == ()


@pytest.mark.parametrize("word", ["", "one", "0", "-1", "portal=", "portal=x", "1+", "1.5", "a=1+0"])
def test_other_words_are_refused(word: str):
    with pytest.raises(ValueError, match="expected a label such as 1, portal=1"):
        parse_classes([word])


def test_a_name_stands_for_one_class():
    with pytest.raises(ValueError, match="'portal' is given twice"):
        parse_classes(["portal=1", "portal=2"])


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

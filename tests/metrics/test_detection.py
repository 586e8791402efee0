import pytest

from ramify.metrics.detection import count_detections, mean_f1


def row(jaccard: float | None, prediction: bool = True, truth: bool = True) -> dict:
    return {"jaccard": jaccard, "empty_prediction": not prediction, "empty_truth": not truth}


CASES = {
    "found": row(0.25),
    "found well": row(0.9),
    "met badly": row(0.249),
    "missed": row(0.0, prediction=False),
    "invented": row(0.0, truth=False),
    "rightly nothing": row(None, prediction=False, truth=False),
}


def test_detections_are_counted_by_hand():
    found = count_detections(CASES, 0.25)
    assert (found["tp"], found["fn"], found["fp"], found["tn"]) == (2, 2, 1, 1)
    assert (found["precision"], found["recall"]) == (2 / 3, 1 / 2)
    assert found["f1"] == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
    assert count_detections(CASES, 0.9)["tp"] == 1


def test_both_empty_is_no_detection_whatever_it_scores():
    perfect = CASES | {"rightly nothing": row(1.0, prediction=False, truth=False)}
    assert count_detections(perfect, 0.25) == count_detections(CASES, 0.25)


def test_a_class_that_is_nowhere_has_no_value():
    found = count_detections({"a": row(None, False, False)}, 0.25)
    assert (found["tn"], found["precision"], found["recall"], found["f1"]) == (1, None, None, None)
    assert count_detections({"a": row(0.0, True, False)}, 0.25)["f1"] == 0.0


def test_without_overlaps_there_is_no_detection():
    assert count_detections({"a": {"cldice": 1.0, "empty_prediction": False, "empty_truth": False}}, 0.25) is None


def test_the_mean_is_over_classes_that_have_one():
    good, nowhere = count_detections({"a": row(1.0)}, 0.5), count_detections({"a": row(None, False, False)}, 0.5)
    assert mean_f1([good, nowhere, None]) == 1.0
    assert mean_f1([nowhere]) is None

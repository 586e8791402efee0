import numpy as np

from ramify.metrics.classes import parse_classes
from ramify.report.class_maps import class_maps

TRUTH = np.array([[0, 7, 7, 2, 9]])
PREDICTION = np.array([[7, 7, 2, 2, 0]])


def test_a_voxel_has_the_number_of_its_class():
    maps = class_maps(PREDICTION, TRUTH, parse_classes(["a=2", "b=7"]))
    assert maps.names == ("a", "b")
    assert maps.truth.tolist() == [[0, 2, 2, 1, 0]]
    assert maps.prediction.tolist() == [[2, 2, 1, 1, 0]]


def test_of_classes_that_share_a_label_the_first_has_it():
    assert class_maps(PREDICTION, TRUTH, parse_classes(["a=2", "b=7", "all=2+7+9"])).truth.tolist() == [[0, 2, 2, 1, 3]]


def test_outside_a_region_is_no_class():
    region = np.array([[True, True, False, True, True]])
    assert class_maps(PREDICTION, TRUTH, parse_classes(["7"]), region).truth.tolist() == [[0, 1, 0, 0, 0]]

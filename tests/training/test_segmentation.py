"""From probabilities to classes, and from classes to the masks that are scored."""

import numpy as np
import pytest

from ramify.tasks.class_table import IGNORED, ClassTable
from ramify.tasks.formulation import Tasks
from ramify.training.segmentation import any_vessel, class_map_of, known, masks_of

TABLE = ClassTable.model_validate(
    {
        "classes": {"portal": 40, "tumour": {"values": 3, "role": "context"}, "hepatic": 15},
        "regions": {"liver_veins": ["portal", "hepatic"], "hepatic_alone": "hepatic"},
    }
)


def of_voxels(*rows: tuple[float, ...]) -> np.ndarray:
    """Probabilities (C, N) from one row a voxel."""
    return np.array(rows, np.float32).T


def test_classes_are_the_likeliest_with_background_among_them():
    probabilities = of_voxels((0.6, 0.2, 0.1), (0.3, 0.0, 0.3), (0.1, 0.5, 0.3), (0.2, 0.1, 0.65))
    tasks = Tasks("classes", "none", 2, TABLE)
    class_map = class_map_of(probabilities, tasks)
    assert class_map.tolist() == [1, 0, 2, 3]
    assert any_vessel(probabilities, tasks).tolist() == pytest.approx([0.7, 0.6, 0.4, 0.85])
    masks = masks_of(class_map, tasks)
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "portal": [True, False, False, False],
        "tumour": [False, False, True, False],
        "hepatic": [False, False, False, True],
    }


def test_a_later_region_lies_over_an_earlier_one():
    probabilities = of_voxels((0.9, 0.6), (0.9, 0.4), (0.4, 0.8), (0.1, 0.2))
    tasks = Tasks("regions", "none", 2, TABLE)
    class_map = class_map_of(probabilities, tasks)
    assert class_map.tolist() == [3, 1, 3, 0]
    assert masks_of(class_map, tasks)["liver_veins"].tolist() == [True, True, True, False]
    assert any_vessel(probabilities, tasks).tolist() == pytest.approx([0.9, 0.9, 0.8, 0.2])


@pytest.mark.parametrize(("asked", "beside"), [("vessels", "scales"), ("scales", "none")])
def test_vessels_from_a_half_on(asked, beside):
    tasks = Tasks(asked, beside, 2, TABLE)
    class_map = class_map_of(of_voxels((0.5,), (0.49,)), tasks)
    assert class_map.tolist() == [1, 0]
    assert masks_of(np.array([3, 2, 1, 0], np.uint8), tasks)["vessels"].tolist() == [True, False, True, False]


def test_vessels_are_no_context_that_stands_before_them():
    table = ClassTable.model_validate({"classes": {"tumour": {"values": 2, "role": "context"}, "vessel": 1}})
    tasks = Tasks("vessels", "none", 2, table)
    class_map = class_map_of(of_voxels((0.9,), (0.1,)), tasks)
    assert masks_of(class_map, tasks)["vessels"].tolist() == [True, False]
    assert np.isin(class_map, table.vessels).tolist() == [True, False]


def test_what_is_known():
    assert known(np.array([0, 1], np.uint8)) is None
    counted = known(np.array([0, IGNORED], np.uint8))
    assert counted is not None
    assert counted.tolist() == [True, False]

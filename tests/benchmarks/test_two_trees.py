"""The halves of a liver that a network of two trees is taught by and tried on."""

from dataclasses import replace

import numpy as np

from benchmarks.two_trees import OF_PHANTOMS, TRAINED, TRIED, called, halves, junctions_of, write_pair
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.files import read_label_map, read_mask

SETTINGS = {"phantom": {"cases": 1, "size": [24, 24, 24], "spacing_mm": [6, 6, 6]}, "classes": OF_PHANTOMS}


def test_vessels_that_cross_are_a_junction_as_one_mask_alone():
    liver = open_dataset(DatasetSettings.model_validate(SETTINGS)).load("phantom_000")
    assert liver.classes is not None
    crossing = np.zeros_like(liver.classes.array)
    crossing[10:13, 2:22, 10:13] = 1
    crossing[13:16, 10:13, 2:22] = 2
    crossed = replace(liver, classes=liver.classes.with_array(crossing))
    found = junctions_of(crossed)
    assert (found["portal"], found["hepatic"]) == (0, 0)
    assert found["both as one"] >= 1


def test_the_halves_are_a_liver_and_share_nothing(tmp_path):
    liver = open_dataset(DatasetSettings.model_validate(SETTINGS)).load("phantom_000")
    assert liver.organ is not None
    assert liver.classes is not None
    parts = {part.case_id: part for part in halves(liver)}
    for part in parts.values():
        write_pair(tmp_path, part)
    masks = [read_mask(tmp_path / "organs" / f"{name}.nii.gz").array for name in (TRIED, TRAINED)]
    labels = [read_label_map(tmp_path / "labels" / f"{name}.nii.gz").array for name in (TRIED, TRAINED)]
    assert np.array_equal(masks[0] | masks[1], liver.organ.array)
    assert not (masks[0] & masks[1]).any()
    assert abs(int(masks[0].sum()) - int(masks[1].sum())) < 0.2 * liver.organ.array.sum()
    assert np.array_equal(labels[0] + labels[1], liver.classes.array * liver.organ.array)


def test_what_each_tree_was_taken_for():
    truth, prediction = np.array([1, 1, 1, 2, 2, 0]), np.array([1, 2, 3, 2, 0, 1])
    assert called(truth, prediction) == {"portal": [1, 1, 1], "hepatic": [1, 0, 1]}

"""An organ and its vessels in one label map: the vessels are part of the organ unless it is said which are."""

import numpy as np
import pytest

from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.files import write_volume
from ramify.data.volume import Volume
from tests.data.formats.test_slicer import write_segmentation

LABELS = (np.arange(60).reshape(3, 4, 5) % 5).astype(np.uint8)  # 1 liver, 2 portal, 3 hepatic, 4 tumour


@pytest.fixture
def pairs(tmp_path):
    for folder in "images", "labels":
        write_volume(tmp_path / folder / "a.nii.gz", Volume(LABELS, (2.0, 1.0, 1.0)))
    return tmp_path


def opened(root, **settings):
    return open_dataset(DatasetSettings.model_validate({"dataset": "pairs", "root": root, **settings}))


def chosen(vessels, organ):
    return {"pairs": {"vessel_labels": vessels, "organ_labels": organ}}


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        (chosen(["2"], ["1"]), [1, 2]),
        (chosen(["2", "3"], ["1", "4"]), [1, 2, 3, 4]),
        (chosen(["2", "3"], ["1", "2"]), [1, 2]),
        (chosen(["2"], ["any"]), [1, 2, 3, 4]),
        ({**chosen(["2"], []), "ignore": 4}, None),
    ],
)
def test_labels(pairs, settings, labels):
    organ = opened(pairs, **settings).load("a").organ
    assert (organ is None) == (labels is None)
    if labels:
        assert np.array_equal(organ.array, np.isin(LABELS, labels))


@pytest.mark.parametrize(
    ("values", "labels"),
    [([1], [1, 2, 3]), ([1, 4], [1, 2, 3, 4]), ([1, 2, 3], [1, 2, 3])],
)
def test_classes_of_vessels_are_part_of_the_organ_and_others_where_it_names_them(pairs, values, labels):
    classes = {
        "veins": [2, 3],
        "tumour": {"values": 4, "role": "context"},
        "liver": {"values": values, "role": "organ"},
    }
    adapter = opened(pairs, classes=classes)
    assert np.array_equal(adapter.load("a").organ.array, np.isin(LABELS, labels))
    # What the record of the case says of its organ.
    assert sorted(adapter.sources("a").settings["organ_labels"]) == labels


def test_what_the_record_says(pairs):
    assert opened(pairs, **chosen(["2"], ["1"])).sources("a").settings["organ_labels"] == [1, 2]


def test_an_organ_of_any_vessel_is_refused(pairs):
    with pytest.raises(ValueError, match="label 1 would be organ and vessels alike"):
        opened(pairs, **chosen(["any"], ["1"])).load("a")


@pytest.mark.parametrize(("layered", "organ"), [(False, LABELS % 4 > 0), (True, LABELS == 1)])
def test_segments_of_one_layer_exclude_each_other(tmp_path, layered, organ):
    segments = [
        ("Liver", {"LabelValue": 1, "Layer": 0}),
        ("Portal vein", {"LabelValue": 2 - layered, "Layer": int(layered)}),
        ("Hepatic vein", {"LabelValue": 3 - layered, "Layer": int(layered)}),
    ]
    kept = np.where(LABELS < 4, LABELS, 0)
    array = np.stack([kept == 1, np.where(kept > 1, kept - 1, 0)], axis=-1) if layered else kept
    (tmp_path / "labels").mkdir()
    write_segmentation(tmp_path / "labels/a.seg.nrrd", array.astype(np.uint8), segments, layered=layered)
    write_volume(tmp_path / "images/a.nii.gz", Volume(LABELS, (2.0, 0.75, 0.5), (30.0, 20.0, 10.0)))
    by_labels = opened(tmp_path, **chosen(["portal vein", "3" if not layered else "hepatic vein"], ["liver"]))
    assert np.array_equal(by_labels.load("a").organ.array, organ)
    classes = {"portal": "portal vein", "hepatic": "Hepatic vein", "liver": {"values": "Liver", "role": "organ"}}
    assert np.array_equal(opened(tmp_path, classes=classes).load("a").organ.array, organ)


def test_masks_in_files_of_their_own_may_overlap(pairs):
    for name, array in ("vein", LABELS == 2), ("liver", LABELS == 1):
        write_volume(pairs / f"{name}/a.nii.gz", Volume(array.astype(np.uint8), (2.0, 1.0, 1.0)))
    label = {"vein": "vein/{case}.nii.gz", "liver": "liver/{case}.nii.gz"}
    settings = {"pairs": {"label": label, "vessel_labels": ["vein"], "organ_labels": ["liver"]}}
    assert np.array_equal(opened(pairs, **settings).load("a").organ.array, LABELS == 1)

"""The organ of a label map has the vessels that its training counted to it; of others their leaving out is told."""

import json

import numpy as np
import pytest

from ramify.data.files import write_volume
from ramify.data.image_source import ImageSource
from ramify.data.input_reading import Inputs
from ramify.data.input_settings import InputSettings
from ramify.data.labelled_file import LabelledFile
from ramify.data.organ_labels import AS_TRAINED, enclosed, organ_mask, vessels_by_training
from ramify.data.volume import Volume
from tests.data.formats.test_slicer import write_segmentation

LABELS = np.zeros((6, 8, 8), np.uint8)
LABELS[1:5, 1:7, 1:6] = 1  # a liver
LABELS[1:5, 3, 3] = 2  # a vessel through it
LABELS[2:4, 2:6, 6] = 3  # what lies beside it
NUMBERED = ImageSource(form="nnunet", vessel_labels=(2,), organ_labels=(1, 2))
NAMED = ImageSource(form="msd", vessel_labels=(7,), organ_labels=(), labels={"Vessel": (7,), "tumour": (1,)})


def save(path, names=None):
    write_volume(path, Volume(LABELS, (1.0, 1.0, 1.0)))
    if names:
        (path.parent / "dataset.json").write_text(json.dumps({"labels": {"background": 0, **names}}))
    return LabelledFile(path)


@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_what_an_organ_encloses(turn):
    assert enclosed(LABELS.transpose(turn), [1]) == (2,)
    assert enclosed(LABELS.transpose(turn)[::-1], [1]) == (2,)
    assert enclosed(LABELS, [1, 2]) == ()
    assert enclosed(LABELS[2], [1]) == (2,)


@pytest.mark.parametrize(
    ("names", "training", "labels", "inside"),
    [
        (None, NUMBERED, ["1"], [2]),
        ({"Liver": 1, "Vessel": 2}, NUMBERED, ["liver"], [2]),
        ({"Liver": 1, "vessel": 2}, NAMED, ["liver"], [2]),
        ({"Liver": 1, "vessel": 2}, NAMED, ["1"], [2]),
        # Named by itself: as it is said.
        (None, NUMBERED, ["1", "2"], ()),
        # Another program's numbers, another data set's names: nobody knows.
        (None, NUMBERED, ["3"], None),
        (None, NAMED, ["1"], None),
        ({"Liver": 1, "hepatic": 2}, NAMED, ["liver"], None),
        (None, ImageSource(), ["1"], None),
        (None, ImageSource(form="nnunet", vessel_labels=(2,), organ_labels=(5,)), ["1"], None),
    ],
)
def test_the_vessels_of_the_training(tmp_path, names, training, labels, inside):
    found, note = vessels_by_training(save(tmp_path / "a.nii.gz", names), labels, training)
    assert found == inside
    assert note.endswith(AS_TRAINED) == bool(inside)
    assert bool(note) == bool(inside)


def test_segments_by_their_names(tmp_path):
    segments = [(name, {"LabelValue": number, "Layer": 0}) for number, name in enumerate(["Liver", "Portal", "IVC"], 1)]
    write_segmentation(tmp_path / "a.seg.nrrd", LABELS, segments, layered=False)
    file = LabelledFile(tmp_path / "a.seg.nrrd")
    training = ImageSource(form="pairs", vessel_labels=("portal",), organ_labels=("Liver", "portal"))
    assert vessels_by_training(file, ["liver"], training)[0] == ["Portal"]
    (note,) = organ_mask(file, ["liver"]).notes
    assert note.startswith("label Portal of a.seg.nrrd lies in it")
    assert note.endswith("give --organ-labels liver Portal")


def test_holes_are_told_where_nobody_knows_the_vessels(tmp_path):
    file = save(tmp_path / "a.nii.gz", {"Liver": 1, "Portal vein": 2, "spleen": 3})
    (note,) = organ_mask(file, ["liver"]).notes
    assert note.startswith("label 2 (Portal vein) of a.nii.gz lies in it and is left out")
    assert note.endswith("give --organ-labels liver 'Portal vein'")
    assert organ_mask(file, ["liver"], ()).notes == ()
    whole = organ_mask(file, ["liver", "portal vein"])
    assert whole.notes == ()
    np.testing.assert_array_equal(whole.array, np.isin(LABELS, [1, 2]))


def test_images_are_read_with_the_organ_of_their_training_which_is_told_once(tmp_path):
    for case in "a", "b":
        save(tmp_path / "organs" / f"{case}.nii.gz")
        write_volume(tmp_path / "cts" / f"{case}.nii.gz", Volume(np.arange(LABELS.size).reshape(6, 8, 8), (1, 1, 1)))
    settings = InputSettings(input=tmp_path / "cts", organ=tmp_path / "organs", organ_labels=("1",))
    inputs = Inputs(settings, NUMBERED)
    first, second = map(inputs.read, inputs.cases)
    for read in first, second:
        np.testing.assert_array_equal(read.organ.array, np.isin(LABELS, [1, 2]))
    assert first.notes == (f"organ: label 2 {AS_TRAINED}",)
    assert (second.notes, second.organ.notes) == ((), ())


def test_what_records_say_of_names():
    record = {"provenance": {"adapter": "msd", "settings": {"labels": {"Vessel": [7]}, "vessel_labels": [7]}}}
    assert ImageSource.of_records([record]).labels == {"Vessel": (7,)}

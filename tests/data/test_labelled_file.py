import json

import numpy as np
import pytest

from ramify.data.files import write_volume
from ramify.data.labelled_file import LabelledFile
from ramify.data.volume import Volume
from tests.data.formats.test_slicer import write_segmentation

LABELS = (np.arange(60).reshape(3, 4, 5) % 4).astype(np.uint8)
OPTION = "--organ-labels"


def mask_of(file: LabelledFile, *wanted: str) -> np.ndarray:
    return file.mask(file.choose(wanted, "organ", OPTION), "organ", OPTION).array


def test_labels_by_number(tmp_path):
    write_volume(tmp_path / "a.nii.gz", Volume(LABELS, (1.0, 1.0, 1.0)))
    file = LabelledFile(tmp_path / "a.nii.gz")
    assert np.array_equal(mask_of(file, "2"), LABELS == 2)
    assert np.array_equal(mask_of(file, "1", "3"), LABELS % 2 == 1)
    with pytest.raises(
        ValueError, match=r"3 different labels \(1, 2, 3\).*which of them are the organ with --organ-labels"
    ):
        mask_of(file)
    with pytest.raises(ValueError, match=r"no label 'liver' \(--organ-labels\)"):
        mask_of(file, "liver")
    missing = file.mask(file.choose(("7",), "organ", OPTION), "organ", OPTION)
    assert not missing.array.any()
    assert missing.notes == ("a.nii.gz holds no organ (label 7); it has 1, 2, 3",)


def test_names_of_a_description_beside_the_file(tmp_path):
    write_volume(tmp_path / "labelsTr" / "a.nii.gz", Volume(LABELS, (1.0, 1.0, 1.0)))
    description = {"labels": {"background": 0, "liver": 3, "whole": [1, 2, 3]}}
    (tmp_path / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    file = LabelledFile(tmp_path / "labelsTr" / "a.nii.gz")
    assert np.array_equal(mask_of(file, "Liver"), LABELS == 3)
    assert np.array_equal(mask_of(file, "whole"), LABELS > 0)
    with pytest.raises(ValueError, match=r"no label 'livr' \(--organ-labels\); did you mean liver\?"):
        mask_of(file, "livr")


def test_a_plain_mask_needs_no_label(tmp_path):
    write_volume(tmp_path / "a.nii.gz", Volume(LABELS == 1, (1.0, 1.0, 1.0)))
    file = LabelledFile(tmp_path / "a.nii.gz")
    assert file.choose((), "organ", OPTION) is None
    assert np.array_equal(mask_of(file), LABELS == 1)


def test_segments_by_name_overlapping_or_not(tmp_path):
    layers = np.stack([(LABELS > 0), (LABELS == 2)], axis=-1).astype(np.uint8)
    described = [("Liver", {"LabelValue": 1, "Layer": 0}), ("Portal vein", {"LabelValue": 1, "Layer": 1})]
    file = LabelledFile(write_segmentation(tmp_path / "a.seg.nrrd", layers, described, layered=True))
    assert np.array_equal(mask_of(file, "liver"), LABELS > 0)
    assert np.array_equal(mask_of(file, "portal vein"), LABELS == 2)
    with pytest.raises(ValueError, match=r"2 segments \(Liver, Portal vein\).*are the organ with --organ-labels"):
        mask_of(file)
    with pytest.raises(ValueError, match=r"no segment called '1' \(--organ-labels\); it has Liver, Portal vein"):
        mask_of(file, "1")


def test_a_segment_by_its_number(tmp_path):
    described = [("Liver", {"LabelValue": 1, "Layer": 0}), ("Veins", {"LabelValue": 2, "Layer": 0})]
    labels = np.minimum(LABELS, 2)
    file = LabelledFile(write_segmentation(tmp_path / "a.seg.nrrd", labels, described))
    assert np.array_equal(mask_of(file, "2"), labels == 2)
    assert np.array_equal(mask_of(file, "2", "Liver"), labels > 0)

"""A folder of another form, or one above, and files whose names are nearly those of their partners: said as that."""

import json

import numpy as np
import pytest

from ramify.data.adapters.likely_form import likely_form
from ramify.data.adapters.opening import open_dataset
from ramify.data.adapters.settings import DatasetSettings
from ramify.data.files import write_volume
from ramify.data.volume import Volume

IMAGE = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), (1.0, 1.0, 1.0))
MASK = IMAGE.with_array((IMAGE.array > 9).astype(np.uint8))
CASES = ("Liver A 1", "Liver B 2")


def write_form(root, form):
    images, labels = {"pairs": ("images", "labels")}.get(form, ("imagesTr", "labelsTr"))
    for case in CASES if form != "ircadb" else ():
        write_volume(root / images / f"{case}{'_0000' * (form == 'nnunet')}.nii.gz", IMAGE)
        write_volume(root / labels / f"{case}.nii.gz", MASK)
    content = {"labels": {"background": 0, "vessel": 1}, "channel_names": {"0": "CT"}}
    if form == "msd":
        content["training"] = [
            {"image": f"./imagesTr/{one}.nii.gz", "label": f"./labelsTr/{one}.nii.gz"} for one in CASES
        ]
    if form in ("msd", "nnunet"):
        (root / "dataset.json").write_text(json.dumps(content))
    if form == "ircadb":
        (root / "3Dircadb1.1" / "PATIENT_DICOM").mkdir(parents=True)
    return root


def cases(root, form, **settings):
    adapter = open_dataset(DatasetSettings.model_validate({"dataset": form, "root": root, form: settings}))
    return {case: str(_problem(adapter, case)) for case in adapter.case_ids()}


def _problem(adapter, case):
    try:
        adapter.load(case)
    except (ValueError, OSError) as error:
        return error
    return ""


FORMS = ("ircadb", "msd", "nnunet", "pairs")


@pytest.mark.parametrize("is_", FORMS)
@pytest.mark.parametrize("asked", FORMS)
def test_a_root_of_another_form_or_one_level_up(tmp_path, is_, asked):
    root = write_form(tmp_path / "above" / "Data 007", is_)
    assert likely_form(root) == is_
    assert likely_form(root.parent) is None
    if is_ != asked:
        with pytest.raises((ValueError, OSError), match=f"; it looks like --dataset {is_}$"):
            cases(root, asked)
    other = "" if is_ == asked else f" --dataset {is_}"
    with pytest.raises((ValueError, OSError)) as caught:
        cases(root.parent, asked)
    assert str(caught.value).endswith(f"; Data 007 in it looks like the data set: give{other} --root '{root}'")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("form", "folder"), [("msd", "imagesTr"), ("nnunet", "labelsTr"), ("pairs", "images")])
@pytest.mark.parametrize("asked", ["nnunet", "pairs"])
def test_a_root_one_level_too_deep(tmp_path, form, folder, asked):
    root = write_form(tmp_path, form)
    with pytest.raises((ValueError, OSError)) as caught:
        cases(root / folder, asked)
    other = "" if form == asked else f" --dataset {form}"
    assert str(caught.value).endswith(f"; it lies in what looks like the data set: give{other} --root '{root}'")


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_of_nothing_is_told_as_before(tmp_path, form):
    with pytest.raises((ValueError, OSError)) as caught:
        cases(tmp_path, form)
    assert "looks like" not in str(caught.value)


def test_a_file_of_nnunet_in_another_case_is_one_fault(tmp_path):
    root = write_form(tmp_path, "nnunet")
    (root / "labelsTr/Liver A 1.nii.gz").rename(root / "labelsTr/liver a 1.nii.gz")
    found = cases(root, "nnunet")
    assert list(found) == [*CASES]
    assert found["Liver A 1"].endswith("labelsTr/liver a 1.nii.gz differs in capitals alone; call both alike")
    assert found["Liver B 2"] == ""


def test_labels_of_pairs_with_more_in_their_names_are_one_fault_each_with_the_pattern(tmp_path):
    root = write_form(tmp_path, "pairs")
    for case in CASES:
        (root / f"labels/{case}.nii.gz").rename(root / f"labels/{case} LABEL.nii.gz")
    found = cases(root, "pairs", label="labels/{case}.nii.gz")
    assert list(found) == [*CASES]
    pattern = "labels/{case} LABEL.nii.gz"
    assert found["Liver A 1"].endswith(f'LABEL.nii.gz is called nearly so; give --pairs.label "{pattern}"')
    assert set(cases(root, "pairs", label=pattern).values()) == {""}
    # In other capitals, or twice, no pattern finds it.
    for name in "liver a 1 LABEL", "Liver A 1 of Liver A 1":
        next(root.glob("labels/[Ll]iver [Aa]*")).rename(root / f"labels/{name}.nii.gz")
        line = cases(root, "pairs", label="labels/{case}.nii.gz")["Liver A 1"]
        assert line.endswith(f"{name}.nii.gz is called nearly so; call both alike")


def test_folders_in_another_case(tmp_path):
    root = write_form(tmp_path, "pairs")
    (root / "images").rename(root / "Images")
    with pytest.raises(
        FileNotFoundError, match=r'no folder for images/.*; did you mean Images/\? .*"Images/\{case\}\.\*"$'
    ):
        cases(root, "pairs")
    (root / "labels").rename(root / "Label")
    with pytest.raises(FileNotFoundError, match=r"did you mean Label/\?"):
        cases(root, "pairs", image="Images/{case}.*")

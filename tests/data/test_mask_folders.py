from pathlib import Path

import numpy as np
import pytest

from ramify.data.mask_folders import mask_case, masks_by_case, masks_by_path, match_masks, vessel_masks
from tests.empty_files import touch


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("liver_01.nii.gz", "liver_01"),
        ("liver_01_mask.nrrd", "liver_01"),
        ("a.b.mha", "a.b"),
        ("_mask.nii.gz", "_mask"),
        ("liver_01_probabilities.nii.gz", None),
        ("liver_01_uncertainty.nii.gz", None),
        (".liver_01.123.nii.gz", None),
        ("._liver_01.nii.gz", None),
        ("liver_01.seg.nrrd", "liver_01"),
        ("liver_01_mask.NII.GZ", "liver_01"),
        ("img_0000.nii.gz", "img_0000"),
        ("dataset.json", None),
        ("metrics.csv", None),
    ],
)
def test_case_of_a_file(name: str, case: str | None):
    assert mask_case(Path(name)) == case


def test_a_given_suffix_selects_and_is_left_off():
    assert mask_case(Path("1_vessel.nii.gz"), "_vessel") == "1"
    assert mask_case(Path("1_liver.nii.gz"), "_vessel") is None
    assert mask_case(Path("_vessel.nii.gz"), "_vessel") is None
    assert mask_case(Path("1.seg.nrrd"), ".seg") == "1"
    # The end of a file's name may be given with all of its suffix.
    assert mask_case(Path("1_vein.nii.gz"), "_vein.nii.gz") == "1"
    assert mask_case(Path("1_vein.mha"), "_vein.nii.gz") is None


def test_every_file_that_claims_a_case_is_kept(tmp_path: Path):
    folder = touch(tmp_path, "a.nii.gz", "a_mask.nii.gz", "b.png", "b_probabilities.nii.gz", "notes.txt")
    (folder / "c.nii.gz").mkdir()
    found = masks_by_case(folder)
    assert {case: [path.name for path in paths] for case, paths in found.items()} == {
        "a": ["a.nii.gz", "a_mask.nii.gz"],
        "b": ["b.png"],
    }


def test_vessel_masks_of_a_folder_and_of_a_pattern(tmp_path: Path):
    folder = touch(tmp_path / "m", "a_vessel.nii.gz", "a_liver.nii.gz", "b.mha", "b_portal.mha", "notes.txt")
    assert {case: path.name for case, path in vessel_masks(folder).items()} == {
        **{"a": "a_vessel.nii.gz", "b": "b.mha", "b_portal": "b_portal.mha"}
    }
    assert {*vessel_masks(folder / "*.nii.gz")} == {"a"}
    assert {*vessel_masks(folder, "_portal")} == {*vessel_masks(folder / "b*", "_portal")} == {"b"}
    for source in (folder, folder / "*"):
        with pytest.raises(ValueError, match="holds no vessel mask whose name ends in _other"):
            vessel_masks(source, "_other")
    touch(folder, "b_vessel.nii.gz")
    for source in (folder, folder / "b*"):
        with pytest.raises(ValueError, match=r"b\.mha and b_vessel\.nii\.gz are both of case b"):
            vessel_masks(source)


def test_cases_are_those_of_the_required_roles(tmp_path: Path):
    sources = {
        "prediction": (touch(tmp_path / "p", "a.nii.gz", "b.nii.gz"), ""),
        "truth": (touch(tmp_path / "t", "b_vessel.mha", "c_vessel.mha"), "_vessel"),
        "organ": (touch(tmp_path / "o", "b.nii.gz", "z.nii.gz"), ""),
    }
    matched = match_masks(sources, required=("prediction", "truth"))
    assert {case: {role: len(files) for role, files in roles.items()} for case, roles in matched.items()} == {
        "a": {"prediction": 1, "truth": 0, "organ": 0},
        "b": {"prediction": 1, "truth": 1, "organ": 1},
        "c": {"prediction": 0, "truth": 1, "organ": 0},
    }


def test_single_files_meet_whatever_their_names(tmp_path: Path):
    touch(tmp_path, "mine_mask.nii.gz", "theirs.mha")
    sources = {"prediction": (tmp_path / "mine_mask.nii.gz", ""), "truth": (tmp_path / "theirs.mha", "")}
    assert match_masks(sources, ("prediction", "truth")) == {
        "mine": {"prediction": [tmp_path / "mine_mask.nii.gz"], "truth": [tmp_path / "theirs.mha"]}
    }


def test_paths_with_the_case_in_them_meet_folders(tmp_path: Path, write_series):
    for case in "a 1", "b":
        write_series(tmp_path / "patients" / case / "MASKS" / "vein", np.zeros((2, 3, 4), np.uint8))
    (tmp_path / "patients" / "c" / "MASKS").mkdir(parents=True)
    touch(tmp_path / "labels", "a 1 LABEL.mha", "b LABEL.mha", "._b LABEL.mha", "b LABEL.txt", "b LIVER.mha")
    sources = {
        "prediction": (touch(tmp_path / "p", "a 1.nii.gz", "b.nii.gz"), ""),
        "truth": (tmp_path / "patients/{case}/MASKS/vein", ""),
        "organ": (tmp_path / "labels/{case} LABEL.mha", ""),
    }
    assert match_masks(sources, ("prediction", "truth")) == {
        case: {
            "prediction": [tmp_path / "p" / f"{case}.nii.gz"],
            "truth": [tmp_path / "patients" / case / "MASKS/vein"],
            "organ": [tmp_path / "labels" / f"{case} LABEL.mha"],
        }
        for case in ("a 1", "b")
    }
    touch(tmp_path / "p", "b_probabilities.nii.gz", "b_uncertainty.nii.gz")
    assert {*masks_by_path(tmp_path / "p/{case}.nii.gz", "--prediction")} == {"a 1", "b"}
    with pytest.raises(
        ValueError, match=r"--truth .*whatever stands for \{case\}; .*labels holds a 1 LABEL.mha, b LAB"
    ):
        masks_by_path(tmp_path / "labels/{case}_LABEL.mha", "--truth")
    with pytest.raises(FileNotFoundError, match=r"--truth gone/\{case\}.mha: no such folder as gone"):
        masks_by_path(Path("gone/{case}.mha"), "--truth")


def test_what_cannot_be_matched_is_refused(tmp_path: Path):
    folder = touch(tmp_path / "p", "a.nii.gz")
    nothing = touch(tmp_path / "none", "readme.txt")
    required = ("prediction", "truth")
    with pytest.raises(FileNotFoundError, match=r"--truth .*gone: no such file or folder"):
        match_masks({"prediction": (folder, ""), "truth": (tmp_path / "gone", "")}, required)
    with pytest.raises(
        ValueError, match=r"--truth .*a.nii.gz: a file where the others are of many cases; give one kind"
    ):
        match_masks({"prediction": (folder, ""), "truth": (folder / "a.nii.gz", "")}, required)
    with pytest.raises(ValueError, match="no mask files in there"):
        match_masks({"prediction": (nothing, ""), "truth": (nothing, "")}, required)


def test_a_series_is_one_mask(tmp_path, write_series):
    write_series(tmp_path / "liver", np.zeros((2, 3, 4), np.uint8))
    (tmp_path / "p.nii.gz").write_bytes(b"x")
    sources = {"prediction": (tmp_path / "p.nii.gz", ""), "truth": (tmp_path / "liver", "")}
    assert match_masks(sources, ("prediction", "truth")) == {
        "p": {"prediction": [tmp_path / "p.nii.gz"], "truth": [tmp_path / "liver"]}
    }
    sources = {**sources, "organ": (tmp_path, "")}
    with pytest.raises(ValueError, match=r"--organ .*: no mask; it has the DICOM folders liver; give the one"):
        match_masks(sources, ("prediction", "truth"))

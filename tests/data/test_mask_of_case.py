from pathlib import Path

import pytest

from ramify.console.alike import AlikeLines
from ramify.data.mask_of_case import none_of_that_name, only_file, without_halves
from tests.empty_files import touch

OTHERWISE = "if its names end otherwise, give --truth a path with {case} in it"


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (["Liver 1 LABEL.MHA"], "it holds Liver 1 LABEL.MHA: if that is it, give --truth 'FOLDER/{case} LABEL.MHA'"),
        (["Liver 1_x.nii.gz"], "it holds Liver 1_x.nii.gz: if that is it, give --truth 'FOLDER/{case}_x.nii.gz'"),
        (["liver 1.mha", "Liver 1 x.mha"], "it holds liver 1.mha, which differs in capitals alone: call both alike"),
        (["liver 1 x.mha"], "it holds liver 1 x.mha, which is called nearly so: call both alike"),
        (["Liver 11.mha"], f"it holds Liver 11, Other; {OTHERWISE}"),
        (["notes.txt"], f"it holds Other; {OTHERWISE}"),
    ],
)
def test_the_nearest_name_and_how_it_is_found(tmp_path: Path, held: list[str], says: str):
    folder = touch(tmp_path / "t", *held, "Other.mha")
    line = none_of_that_name("truth", "Liver 1", folder, "--truth")
    assert line == f"{folder}: no truth called Liver 1; {says.replace('FOLDER', str(folder))}"


def test_several_near_ones_are_listed(tmp_path: Path):
    folder = touch(tmp_path / "t", "a_liver.mha", "a_vein.mha")
    assert "; it holds a_liver, a_vein; if" in none_of_that_name("truth", "a", folder, "--truth")
    # Where no flag takes a path, the file's own name is what can be mended.
    assert none_of_that_name("organ mask", "b", touch(tmp_path / "o", "b_liver.mha")).endswith(
        "it holds b_liver.mha: if that is it, call it as the case"
    )
    path = none_of_that_name("truth", "a", tmp_path / "{case}" / "vein.mha", "--truth")
    assert path == f"{tmp_path}/a/vein.mha: no such truth, where --truth has it"


def test_all_cases_that_lack_it_alike_say_the_same(tmp_path: Path):
    cases = [f"Liver A 0{number}" for number in range(1, 5)]
    folder, told = touch(tmp_path / "Labels", *(f"{case} LABEL.mha" for case in cases)), AlikeLines()
    new = [told.is_new(case, none_of_that_name("truth", case, folder, "--truth")) for case in cases]
    assert new == [True, False, False, False]


def test_a_case_by_the_longer_name_of_anothers_missing_file_is_none(tmp_path: Path):
    def case(prediction: bool, truth: bool) -> dict[str, list[Path]]:
        return {"prediction": [tmp_path] * prediction, "truth": [tmp_path] * truth}

    found = {
        "a": case(True, False),
        "a LABEL": case(False, True),
        "b": case(True, True),
        "b_v2": case(True, False),
        "D": case(False, True),
        "d": case(True, False),
        "e LABEL": case(True, False),
        "e": case(False, True),
        "c": case(True, False),
        "c_1": case(False, True),
        "c_2": case(False, True),
    }
    assert [*without_halves(found, ("prediction", "truth"))] == ["a", "b", "b_v2", "d", "e", "c", "c_1", "c_2"]


def test_one_file_is_asked_for(tmp_path: Path):
    assert only_file([tmp_path / "a.mha"], "truth", "a", tmp_path) == tmp_path / "a.mha"
    with pytest.raises(ValueError, match=r"no truth called b; it holds none; .* give --truth a path with \{case\}"):
        only_file([], "truth", "b", tmp_path)
    with pytest.raises(ValueError, match=r"no truth called b_vein; .* \{case\} in it in place of --truth-suffix"):
        only_file([], "truth", "b", tmp_path, "_vein")
    with pytest.raises(ValueError, match=r"2 files for its truth \(a.mha, a.nii\); keep one"):
        only_file([tmp_path / "a.mha", tmp_path / "a.nii"], "truth", "a", tmp_path)

from pathlib import Path

import pytest

from ramify.data.near_names import folder_meant, in_pattern, partner_of, partners


@pytest.mark.parametrize(
    ("name", "others", "partner"),
    [
        ("Liver 1", ["liver 1 LABEL", "LIVER 1", "Liver"], "LIVER 1"),
        ("Liver 1", ["liver 1 LABEL", "Liver", "Liver 11"], "liver 1 LABEL"),
        ("Liver 1 LABEL", ["liver 1", "iver 1", "Liver 1 LABEL 2x"], "Liver 1 LABEL 2x"),
        ("Liver 1 LABEL", ["liver 1", "iver 1", "LABEL 1"], "liver 1"),
        ("1", ["11 1", "12"], "11 1"),
        ("a", ["é_a", "aé"], "é_a"),
        ("a", ["a", "A"], None),
        ("a", ["a_x", "x_a"], None),
        ("a b c", ["a", "c"], None),
        ("scan", ["rescan", "scanner"], None),
        ("a", [], None),
    ],
)
def test_the_partner_of_a_name(name: str, others: list[str], partner: str | None):
    assert partner_of(name, others) == partner


def test_partners_are_each_others_alone():
    assert partners(["a", "b", "case_1"], ["A", "b_x", "x b", "case_10"]) == {"a": "A"}
    assert partners(["p", "q"], ["p q"]) == {}
    # As many as there may be.
    names = [f"Liver {number}" for number in range(2000)]
    assert partners(names, [f"{name} LABEL" for name in names]) == {name: f"{name} LABEL" for name in names}


def test_a_longer_name_in_a_pattern():
    assert in_pattern("Liver 1", "Liver 1 LABEL", "labels/{case}.*") == "labels/{case} LABEL.*"
    assert in_pattern("1", "11 1", "{case}") == "11 {case}"
    assert in_pattern("1", "1_vein_1.mha", "masks/{case}") == "masks/{case}_vein_{case}.mha"
    assert in_pattern("Liver 1", "liver 1 LABEL", "{case}") is in_pattern("Liver 1", "Liver", "{case}") is None


def test_the_folder_that_is_meant(tmp_path: Path):
    (tmp_path / "Images").mkdir()
    assert folder_meant(tmp_path, "images/{case}.*") == folder_meant(tmp_path, "image/{case}.*") == "Images"
    assert folder_meant(tmp_path, "Images/{case}.*") == ""
    assert folder_meant(tmp_path, "*/{case}.nii.gz") == folder_meant(tmp_path, "nowhere/{case}.nii.gz") == ""

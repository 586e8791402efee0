"""What is the same of many cases is told once, with the names of the others."""

import pytest

from ramify.console.alike import AlikeLines, naming_case


def test_lines_that_differ_in_more_than_the_case_are_told_each():
    told = AlikeLines()
    lines = {"a1": "a1.png: 3 channels", "a2": "a2.png: 2 channels", "a3": "a3.png: 3 channels"}
    assert [told.is_new(case, line) for case, line in lines.items()] == [True, True, False]
    assert told.rest() == ["a3: as a1, above"]


@pytest.mark.parametrize(
    ("lines", "new"),
    [
        ({"2": "label 2 is no class", "4": "label 4 is no class"}, [True, True]),
        ({"2": "2: label 2 is no class", "4": "4: label 2 is no class"}, [True, False]),
        ({"1": "case 1: 11 of 21 voxels", "2": "case 2: 11 of 21 voxels"}, [True, False]),
        ({"1": "in/1/ct.mha: 1 channel", "21": "in/21/ct.mha: 1 channel"}, [True, False]),
        ({"1": "in/1_0000.nii.gz: size 1 x 1", "2": "in/2_0000.nii.gz: size 1 x 1"}, [True, False]),
        ({"1": "label_1.nii is not as ct/1.nii", "2": "label_2.nii is not as ct/2.nii"}, [True, False]),
        ({"1": "spacing 1.5 mm, not 2.5 mm", "2": "spacing 1.5 mm, not 2.5 mm"}, [True, False]),
        ({"a1": "no organ mask called a1; it holds b", "a2": "no organ mask called a2; it holds b"}, [True, False]),
        ({"1": "of case 1 there are 1.nii, 2.nii", "3": "of case 3 there are 3.nii, 2.nii"}, [True, False]),
        ({"P 1": "in/P 1.nii: no vessel", "P 2": "in/P 2.nii: no vessel"}, [True, False]),
    ],
)
def test_a_case_is_its_name_in_files_alone_and_no_number_of_the_line(lines: dict[str, str], new: list[bool]):
    told = AlikeLines()
    assert [told.is_new(case, line) for case, line in lines.items()] == new


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("label 2 is no class", "case 2: label 2 is no class"),
        ("in/2.nii: no vessel", "in/2.nii: no vessel"),
        ("case 2, organ: empty", "case 2, organ: empty"),
    ],
)
def test_a_line_names_its_case(line: str, named: str):
    assert naming_case("2", line) == named


def test_many_are_counted():
    told = AlikeLines()
    for number in range(9):
        told.is_new(f"case_{number}", f"case_{number}: no label 'porta'")
    assert told.rest() == ["case_1, case_2, case_3, case_4, case_5 and 3 more: as case_0, above"]
    assert AlikeLines().rest() == []

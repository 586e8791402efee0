"""What is the same of many cases is told once, with the names of the others."""

from ramify.console.alike import AlikeLines


def test_lines_that_differ_in_more_than_the_case_are_told_each():
    told = AlikeLines()
    lines = {"a1": "a1.png: 3 channels", "a2": "a2.png: 2 channels", "a3": "a3.png: 3 channels"}
    assert [told.is_new(case, line) for case, line in lines.items()] == [True, True, False]
    assert told.rest() == ["a3: as a1, above"]


def test_many_are_counted():
    told = AlikeLines()
    for number in range(9):
        told.is_new(f"case_{number}", f"case_{number}: no label 'porta'")
    assert told.rest() == ["case_1, case_2, case_3, case_4, case_5 and 3 more: as case_0, above"]
    assert AlikeLines().rest() == []

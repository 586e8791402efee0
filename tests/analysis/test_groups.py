from pathlib import Path

import pytest

from ramify.analysis.groups import difference_rows, group_rows, read_groups
from ramify.comparison.statistics import holm

GROUPS = {"a": "control", "b": "control", "c": "treated", "d": "treated"}
ROWS = [
    {"case": case, "length_mm": length, "bifurcation_ratio": ratio}
    for case, length, ratio in (("a", 1.0, None), ("b", 2.0, 3.0), ("c", 5.0, 4.0), ("d", 7.0, 4.5))
]
MEASURES = ("length_mm", "bifurcation_ratio", "organ_ml")


def written(folder: Path, text: str) -> Path:
    path = folder / "groups.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_groups_are_read_in_the_files_order(tmp_path):
    path = written(tmp_path, "\ufeffcase,sex,group\nb,f,treated\na,m,control\nz,m,other\n")
    assert read_groups(path, ["a", "b"]) == {"b": "treated", "a": "control"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,group\na,x\n", "there is no column case"),
        ("case;group\na;x\n", "there is no column case"),
        ("case,group\na,x\na,y\n", "case a is there twice"),
        ("case,group\na,x\n", "no group for case b"),
        ("case,group\na,x\nb,\n", "no group for case b"),
        ("case,group\na,x\nb,x\n", "all cases are of one group"),
    ],
)
def test_bad_groups_are_one_line(tmp_path, text, said):
    with pytest.raises(ValueError, match=said) as error:
        read_groups(written(tmp_path, text), ["a", "b"])
    assert "\n" not in str(error.value)


def test_each_measure_by_group():
    rows = {(row["measure"], row["group"]): row for row in group_rows(ROWS, GROUPS, MEASURES)}
    assert len(rows) == 4
    treated = rows["length_mm", "treated"]
    assert (treated["n"], treated["mean"], treated["sd"], treated["median"]) == (2, 6.0, pytest.approx(2**0.5), 6.0)
    lacking = rows["bifurcation_ratio", "control"]
    assert (lacking["n"], lacking["mean"], lacking["sd"]) == (1, 3.0, None)


def test_the_difference_is_the_second_group_less_the_first():
    rows = difference_rows(ROWS, GROUPS, MEASURES)
    assert [row["measure"] for row in rows] == ["length_mm", "bifurcation_ratio"]
    length = rows[0]
    assert (length["group"], length["reference"], length["difference"]) == ("treated", "control", 4.5)
    assert length["low"] < 4.5 < length["high"]
    # Two of the six ways to part four cases are as far apart.
    assert length["p"] == pytest.approx(1 / 3)
    # One known value is no group to test: Holm's method has one test.
    assert (rows[1]["difference"], rows[1]["low"], rows[1]["p"], rows[1]["p_holm"]) == (1.25, None, None, None)
    assert length["p_holm"] == length["p"]


def test_of_three_groups_none_is_tested():
    three = GROUPS | {"d": "third"}
    assert difference_rows(ROWS, three, MEASURES) == []
    assert len(group_rows(ROWS, three, MEASURES)) == 6


def test_classes_are_apart():
    rows = [row | {"class": name} for row in ROWS for name in ("portal", "hepatic")]
    rows[0] = rows[0] | {"length_mm": 100.0}
    found = {(row["class"], row["measure"]): row["difference"] for row in difference_rows(rows, GROUPS, MEASURES)}
    assert found["hepatic", "length_mm"] == 4.5
    assert found["portal", "length_mm"] == 4.5 - 99 / 2


def test_p_values_are_adjusted_for_all_measures():
    rows = [row | {"ends": number} for number, row in enumerate(ROWS)]
    tested = difference_rows(rows, GROUPS, ("length_mm", "ends"))
    assert [row["p_holm"] for row in tested] == holm([row["p"] for row in tested]) != [row["p"] for row in tested]

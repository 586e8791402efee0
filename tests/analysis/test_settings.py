import pytest

from ramify.analysis import AnalysisSettings
from ramify.analysis.settings import AnalyseCommand


@pytest.mark.parametrize("root", ["1,2", "-1.5,2e1,3"])
def test_places_are_numbers(root):
    assert AnalysisSettings(root=(root,)).roots_mm() == [tuple(float(part) for part in root.split(","))]


@pytest.mark.parametrize("root", ["", "1", "1,2,x", "1,2,3,4", "nan,1,2", "inf,0,0"])
def test_what_is_no_place_is_refused(root):
    with pytest.raises(ValueError, match=r"expected places as x,y,z in mm"):
        AnalysisSettings(root=(root,))


@pytest.mark.parametrize("systems", [("one",), ("one", "one"), ("a", "b", "c")])
def test_systems_are_two(systems):
    with pytest.raises(ValueError, match="expected two names"):
        AnalysisSettings(systems=systems)


@pytest.mark.parametrize("name", ["", " ", "../b", "a\\b"])
def test_the_name_of_a_system_leads_to_no_other_folder(name):
    with pytest.raises(ValueError, match="can be no part of a file's name"):
        AnalysisSettings(systems=("a", name))


def test_two_systems_have_two_roots_or_none():
    with pytest.raises(ValueError, match="two systems have two roots"):
        AnalysisSettings(systems=("a", "b"), root=("1,2,3",))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"organ_labels": ("1",)}, "no --organ with labels"),
        ({"classes": ("1",), "input_labels": ("1",)}, "--classes and --input-labels"),
        ({"classes": ("1",), "systems": ("a", "b")}, "--classes and --systems"),
        ({"classes": ("1",), "root": ("1,2,3",)}, "--classes and --root"),
    ],
)
def test_options_that_do_not_agree(given, said):
    with pytest.raises(ValueError, match=said):
        AnalyseCommand(input="a", output="b", **given)

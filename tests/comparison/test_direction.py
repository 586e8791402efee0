import pytest

from ramify.comparison.direction import chosen_measures, direction_of, measures_of_classes
from ramify.comparison.results import RunResults, Variant


def variant(name: str, *measures: str, told: dict | None = None) -> Variant:
    rows = {"a": dict.fromkeys(measures, 0.5)}
    return Variant(name, (RunResults(rows, report={"measures": told} if told else {}),))


def test_the_usual_measures_are_compared_where_none_are_asked_for():
    full = ("precision", "hd_mm", "dice", "cldice", "jaccard")
    assert chosen_measures([], [variant("a", *full), variant("b", *full)]) == ["dice", "jaccard", "cldice", "hd_mm"]
    assert chosen_measures([], [variant("a", *full), variant("b", "dice", "precision")]) == ["dice"]
    assert chosen_measures([], [variant("a", "mine"), variant("b", "mine")]) == ["mine"]
    assert chosen_measures(["all"], [variant("a", *full), variant("b", *full)]) == list(full)
    assert chosen_measures(["hd_mm", "dice"], [variant("a", *full), variant("b", *full)]) == ["hd_mm", "dice"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("cldcie", "--measures cldcie: no such measure; did you mean cldice?"),
        ("xyz", "--measures xyz: no such measure; there are dice, cldice"),
        ("tsens", "--measures tsens: b lacks it in some or all of its files"),
    ],
)
def test_a_measure_that_is_not_everywhere_is_one_line(asked: str, says: str):
    with pytest.raises(ValueError, match="--measures") as caught:
        chosen_measures([asked], [variant("a", "dice", "cldice", "tsens"), variant("b", "dice", "cldice")])
    assert str(caught.value).startswith(says)


def test_a_measure_named_twice_and_none_at_all():
    with pytest.raises(ValueError, match="--measures dice: named twice"):
        chosen_measures(["dice", "dice"], [variant("a", "dice"), variant("b", "dice")])
    with pytest.raises(ValueError, match="no measure in common"):
        chosen_measures([], [variant("a", "dice"), variant("b", "cldice")])


def test_directions_are_those_the_results_tell():
    told = variant("a", "dice", "odd", told={"odd": {"better": "lower"}, "dice": {"better": "lower"}})
    assert direction_of("odd", [variant("b", "odd"), told]) == "lower"
    assert direction_of("dice", [told]) == "lower"
    assert direction_of("portal.odd", [told]) == "lower"


def test_directions_of_this_projects_measures_are_known_without():
    bare = [variant("a", "dice")]
    assert direction_of("dice", bare) == direction_of("portal.cldice", bare) == "higher"
    assert direction_of("hd_mm", bare) == direction_of("hd95_mm", bare) == "lower"
    assert direction_of("odd", bare) is None


CLASSY = ("dice", "portal.dice", "portal.hd_mm", "portal.fnr", "any_vessel.mine")


def test_measures_of_classes():
    variants = [variant("a", *CLASSY), variant("b", *CLASSY)]
    assert measures_of_classes([], ["dice"], variants) == ["dice"]
    assert measures_of_classes(["portal"], [], variants) == ["portal.dice", "portal.hd_mm"]
    assert measures_of_classes(["portal"], ["fnr", "dice"], variants) == ["portal.fnr", "portal.dice"]
    assert measures_of_classes(["any_vessel", "portal"], ["all"], variants) == [
        "any_vessel.mine",
        "portal.dice",
        "portal.hd_mm",
        "portal.fnr",
    ]
    assert measures_of_classes(["any_vessel"], [], variants) == ["any_vessel.mine"]


def test_a_class_that_is_not_there_is_one_line():
    with pytest.raises(ValueError, match=r"--classes vein: no such class .* there are portal, any_vessel"):
        measures_of_classes(["vein"], [], [variant("a", *CLASSY)])
    with pytest.raises(ValueError, match=r"--classes vein: .* the files have none; evaluate.py --classes"):
        measures_of_classes(["vein"], [], [variant("a", "dice")])

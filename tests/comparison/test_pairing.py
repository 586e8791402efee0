from collections.abc import Mapping

import pytest

from ramify.comparison.cross_validation import unit_means
from ramify.comparison.pairing import pair_cases, paired_values
from ramify.comparison.results import RunResults, Variant


def variant(name: str, *runs: Mapping[str, float | None], failed: Mapping[str, str] | None = None) -> Variant:
    """One whose runs give a Dice by case."""
    return Variant(
        name,
        tuple(RunResults({case: {"dice": value} for case, value in run.items()}, failed=failed or {}) for run in runs),
    )


def test_cases_meet_by_name_whatever_their_order():
    base, ours = variant("base", {"a": 0.1, "b": 0.2}), variant("ours", {"b": 0.6, "a": 0.5})
    found = paired_values(ours, base, pair_cases([base, ours]), "dice")
    assert found.units == ("a", "b")
    assert (found.values, found.reference) == ((0.5, 0.6), (0.1, 0.2))


def test_seeds_of_a_case_are_one_value_and_folds_are_many():
    base = variant("base", {"a": 0.1, "b": 0.2}, {"c": 0.3})
    ours = variant("ours", {"a": 0.4, "b": 0.4}, {"a": 0.6, "b": 0.5}, {"c": 0.3}, {"c": 0.9})
    pairing = pair_cases([base, ours])
    assert pairing.folds == 2
    assert paired_values(ours, base, pairing, "dice").values == pytest.approx((0.5, 0.45, 0.6))


def test_pairs_of_folds_are_means_of_their_cases():
    base = variant("base", {"a": 0.1, "b": 0.3}, {"c": 0.3, "d": 0.5})
    ours = variant("ours", {"c": 0.6, "d": 1.0}, {"a": 0.5, "b": 0.7})
    pairing = pair_cases([base, ours], unit="fold")
    found = paired_values(ours, base, pairing, "dice")
    assert found.cases == ("a", "b", "c", "d")
    assert found.units == ("fold 0", "fold 0", "fold 1", "fold 1")
    assert unit_means(found.values, found.units) == pytest.approx((0.6, 0.8))
    assert unit_means(found.reference, found.units) == pytest.approx((0.2, 0.4))
    assert pair_cases([base, ours]) == pairing, "folds are the pairs wherever they can be told"


def test_pairs_of_patients_are_means_of_their_cases():
    base, ours = variant("base", {"a": 0.1, "b": 0.3, "c": 0.4}), variant("ours", {"a": 0.5, "b": 0.7, "c": 0.4})
    pairing = pair_cases([base, ours], unit="patient", patient_of={"a": "p", "b": "p", "c": "q"})
    found = paired_values(ours, base, pairing, "dice")
    assert found.units == ("p", "p", "q")
    assert unit_means(found.values, found.units) == pytest.approx((0.6, 0.4))


def test_folds_that_differ_are_not_told_apart():
    base = variant("base", {"a": 0.1, "b": 0.2}, {"c": 0.3})
    ours = variant("ours", {"a": 0.1}, {"b": 0.2, "c": 0.3})
    pairing = pair_cases([base, ours])
    assert (pairing.folds, pairing.unit, pairing.told) == (None, "case", False)
    assert pair_cases([base, ours], unit="case").told
    assert pair_cases([base, base]).folds == 2


def test_cases_that_any_network_links_are_one_fold():
    whole = variant("whole", {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.3})
    first, second = {"a": 0.1, "b": 0.2}, {"c": 0.3, "d": 0.3}
    parted = variant("parted", first, second)
    # A second seed that lacks a case, and another name's finer parts, leave the folds what they are.
    gap = variant("gap", first, second, {"c": 0.3})
    finer = variant("finer", {"a": 0.1}, {"b": 0.2}, second)
    assert pair_cases([parted, gap]).folds == pair_cases([finer, parted]).folds == 2
    assert pair_cases([parted, finer]).unit_of == {"a": "fold 0", "b": "fold 0", "c": "fold 1", "d": "fold 1"}
    assert pair_cases([whole, parted]).folds is None, "what made the whole file is not said"
    again = variant("again", first, second, {"a": 0.1, "c": 0.3}, {"b": 0.2, "d": 0.3})
    assert pair_cases([again, again]).folds is None, "a cross-validation repeated with other folds"
    seeds = pair_cases([whole, variant("seeds", {**first, **second}, first)])
    assert (seeds.folds, seeds.unit, seeds.told) == (1, "case", True)


def test_folds_can_be_named():
    whole = variant("whole", {"a": 0.1, "b": 0.2, "c": 0.3})
    pairing = pair_cases([whole, whole], fold_of={"a": "x", "b": "y", "c": "x", "other": "z"})
    assert (pairing.folds, pairing.unit) == (2, "fold")
    assert pairing.unit_of["a"] == pairing.unit_of["c"] != pairing.unit_of["b"]
    with pytest.raises(ValueError, match="--folds: no fold holds out c;"):
        pair_cases([whole, whole], fold_of={"a": "x", "b": "y"})


def test_undefined_values_make_no_pair_and_are_told():
    base = variant("base", {"a": 0.1, "b": None, "c": None}, {"a": 0.3, "b": 0.2, "c": 0.1})
    ours = variant("ours", {"a": 0.4, "b": 0.5, "c": None})
    found = paired_values(ours, base, pair_cases([base, ours]), "dice")
    assert found.units == ("a",)
    assert found.reference == (pytest.approx(0.2),)
    assert found.undefined == {"b": ("base",), "c": ("base", "ours")}


def test_a_row_without_the_measure_is_undefined():
    base, ours = variant("base", {"a": 0.1}), Variant("ours", (RunResults({"a": {}}),))
    assert paired_values(ours, base, pair_cases([base, ours]), "dice").undefined == {"a": ("ours",)}


def test_sets_of_other_cases_are_refused_by_name_or_cut_to_the_common_ones():
    base = variant("base", {"a": 0.1, "b": 0.2, "c": 0.2}, failed={"d": "unreadable"})
    ours = variant("ours", {"a": 0.1, "c": 0.3, "d": 0.3, "e": 0.1})
    with pytest.raises(ValueError, match=r"^--results: ") as caught:
        pair_cases([base, ours])
    assert str(caught.value) == (
        "--results: base failed on d (unreadable); base lacks e; ours lacks b: evaluate these cases, or add --common "
        "to compare the 2 that all have"
    )
    pairing = pair_cases([base, ours], common=True)
    assert list(pairing.unit_of) == ["a", "c"]
    assert pairing.left_out == {"b": "ours lacks it", "d": "base failed on it: unreadable", "e": "base lacks it"}


def test_a_case_that_failed_for_one_seed_is_not_the_mean_of_the_others():
    failing = Variant(
        "ours", (RunResults({"a": {"dice": 1.0}, "b": {"dice": 1.0}}), RunResults({"a": {}}, failed={"b": "x"}))
    )
    with pytest.raises(ValueError, match=r"ours failed on b \(x\)"):
        pair_cases([variant("base", {"a": 0.1, "b": 0.2}), failing])


def test_many_names_are_cut_short():
    many = variant("many", {f"c{number:02}": 0.5 for number in range(30)})
    with pytest.raises(ValueError, match=r"few lacks c01, c02, .*c12, \.\.\. \(29 in all\)"):
        pair_cases([many, variant("few", {"c00": 0.1})])


@pytest.mark.parametrize(
    ("variants", "more", "says"),
    [
        ([], {}, "at least two names to compare, got none"),
        ([variant("base", {"a": 1.0})], {}, "got base alone; add NAME=FILE"),
        (
            [variant("x", {"a": 1.0}), variant("y", {"b": 1.0})],
            {"common": True},
            "x, y have no evaluated case in common",
        ),
        ([variant("x", {"a": 1.0}), variant("y", {"b": 1.0})], {}, "no case is in all of them"),
        ([variant("x", {"a": 1.0}), variant("y", {"a": 1.0})], {"unit": "fold"}, "--unit fold: the files hold one set"),
        (
            [variant("x", {"a": 1.0}, {"b": 1.0}), variant("y", {"a": 1.0, "b": 1.0})],
            {"unit": "fold"},
            "other sets of cases for one name than for another",
        ),
        ([variant("x", {"a": 1.0}), variant("y", {"a": 1.0})], {"unit": "patient"}, "add --patients FILE"),
        (
            [variant("x", {"a": 1.0}), variant("y", {"a": 1.0})],
            {"unit": "patient", "patient_of": {"b": "p"}},
            "--patients: names no patient for a",
        ),
    ],
)
def test_what_makes_no_pairs_is_one_line(variants: list[Variant], more: dict, says: str):
    with pytest.raises(ValueError, match=says) as caught:
        pair_cases(variants, **more)
    assert "\n" not in str(caught.value)

import numpy as np
import pytest

from ramify.metrics.classes import MERGED, ClassSet, LabelClass, label_boxes, parse_classes, parse_regions
from ramify.tasks.class_table import ClassTable


def test_words_for_classes():
    assert parse_classes(["1", "portal=2", "veins=3+4"]) == (
        LabelClass("1", (1,)),
        LabelClass("portal", (2,)),
        LabelClass("veins", (3, 4)),
    )
    assert parse_classes([]) == ()


@pytest.mark.parametrize("word", ["", "one", "0", "-1", "portal=", "portal=x", "1+", "1.5", "a=1+0"])
def test_other_words_are_refused(word: str):
    with pytest.raises(ValueError, match="expected a label such as 1, portal=1"):
        parse_classes([word])


def test_a_name_stands_for_one_class():
    with pytest.raises(ValueError, match="'portal' is given twice"):
        parse_classes(["portal=1", "portal=2"])


def test_labels_have_names_in_any_case():
    known = {"Portal": [1], "hepatic": [2, 3]}
    assert parse_classes(["portal", "HEPATIC", "all=portal+hepatic+7", "5"], known) == (
        LabelClass("Portal", (1,)),
        LabelClass("hepatic", (2, 3)),
        LabelClass("all", (1, 2, 3, 7)),
        LabelClass("5", (5,)),
    )
    with pytest.raises(ValueError, match=r"class 'vein': expected .*, or one of Portal, hepatic"):
        parse_classes(["vein"], known)


def test_regions_are_made_of_classes():
    classes = parse_classes(["portal=1", "veins=2+3"])
    assert parse_regions(["all=portal+veins"], classes) == (LabelClass("all", (1, 2, 3)),)


@pytest.mark.parametrize(("word", "says"), [("portal", "expected a name"), ("a=", "expected"), ("a=b", "no class 'b'")])
def test_other_regions_are_refused(word: str, says: str):
    with pytest.raises(ValueError, match=f"region .*{says}"):
        parse_regions([word], parse_classes(["portal=1"]))


def test_all_vessels_together_are_a_region_where_there_are_several():
    several = parse_classes(["portal=1", "veins=2+3"])
    assert ClassSet.of(several).regions == (LabelClass(MERGED, (1, 2, 3)),)
    assert ClassSet.of(several[:1]).regions == ()
    assert ClassSet.of(several, context=["veins"]).regions == ()
    own = parse_regions([f"{MERGED}=portal+veins", "other=portal"], several)
    assert [one.name for one in ClassSet.of(several, own).regions] == [MERGED, "other"]
    given = parse_classes(["1", "2", f"{MERGED}=1+2"])
    assert ClassSet.of(given).measured == given


@pytest.mark.parametrize(("word", "odd"), [("portal=2,hepatic=3", "="), ("portal,hepatic=3", ",")])
def test_a_name_with_signs_that_part_words_is_refused(word: str, odd: str):
    with pytest.raises(ValueError, match=f"class '{word}': a name has no {odd}; part classes by spaces: portal=1"):
        parse_classes([word])


def test_a_set_of_classes_that_makes_no_sense_is_refused():
    classes = parse_classes(["portal=1", "hepatic=2"])
    with pytest.raises(ValueError, match="'portal' is given twice"):
        ClassSet.of(classes, (LabelClass("portal", (1,)),))
    with pytest.raises(ValueError, match="ignore label 2: is a label of class hepatic"):
        ClassSet.of(classes, ignore=2)
    with pytest.raises(ValueError, match="any_vessel: is the name of all vessel classes together"):
        ClassSet.of(classes, (LabelClass(MERGED, (1,)),))


def test_a_table_says_it_all():
    plain = {
        "classes": {
            "portal": 40,
            "hepatic": [15, 16],
            "tumour": {"values": 3, "role": "context"},
            "liver": {"values": [3, 5], "role": "organ"},
        },
        "regions": {"lesions_too": ["hepatic", "tumour"]},
        "ignore": 99,
    }
    chosen = ClassSet.of_table(ClassTable.model_validate(plain))
    assert [(one.name, one.labels) for one in chosen.classes] == [
        ("portal", (40,)),
        ("hepatic", (15, 16)),
        ("tumour", (3,)),
    ]
    assert [(one.name, one.labels) for one in chosen.regions] == [(MERGED, (40, 15, 16)), ("lesions_too", (15, 16, 3))]
    assert chosen.ignore == 99
    with pytest.raises(ValueError, match="class portal: has the name 'portalvein' in place of a value"):
        ClassSet.of_table(ClassTable.model_validate({"classes": {"portal": "portalvein"}}))


def test_masks_are_those_of_a_plain_comparison():
    generator = np.random.default_rng(0)
    for shape in ((9, 7), (5, 8, 6)):
        labels = generator.integers(-1, 6, shape).astype(np.int32)
        labels[0] = 0
        labels[labels == 4] = 1 << 20
        for wanted in ((1,), (2, 5), (1 << 20, 3), (7,)):
            one = LabelClass("x", wanted)
            np.testing.assert_array_equal(one.mask_in(labels), np.isin(labels, wanted))
            np.testing.assert_array_equal(
                one.mask_in(labels, label_boxes(labels, {1, 2, 3, 5, 7, 1 << 20})), np.isin(labels, wanted)
            )
    nothing = np.zeros((3, 4), np.uint8)
    assert not LabelClass("x", (1,)).mask_in(nothing).any()
    assert label_boxes(nothing, (1, 2)) == {}

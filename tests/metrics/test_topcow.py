"""What TopCoW measures, by hand on a few voxels: a straight artery each."""

import numpy as np
import pytest

from ramify.metrics.circle_of_willis import ARTERIES, arteries_in, is_mirrored, variant_of
from ramify.metrics.classes import ClassSet, parse_classes
from ramify.metrics.topcow import GROUP_2, TopCowCase, format_topcow, score_topcow, summarise_topcow

CHOSEN = ClassSet.of(parse_classes([f"{name}={number}" for number, name in enumerate(ARTERIES, 1)]))
NUMBER = {name: number for number, name in enumerate(ARTERIES, 1)}
SPACING = (2.0, 1.0, 0.5)
LEFT = (0.0, 0.0, 0.5)


def willis() -> np.ndarray:
    """Arteries in rows that touch end to end: R-ICA R-ACA Acom L-ACA L-ICA, and R-PCA BA L-PCA with L-Pcom beyond."""
    labels = np.zeros((6, 12, 40), dtype=np.int32)
    for position, name in enumerate(("R-ICA", "R-ACA", "Acom", "L-ACA", "L-ICA")):
        labels[1:3, 2:5, 3 + 6 * position : 9 + 6 * position] = NUMBER[name]
    for position, name in enumerate(("R-PCA", "BA", "L-PCA", "L-Pcom")):
        labels[1:3, 8:11, 3 + 6 * position : 9 + 6 * position] = NUMBER[name]
    return labels


def score(prediction: np.ndarray, target: np.ndarray) -> TopCowCase:
    return score_topcow(prediction, target, CHOSEN, SPACING, LEFT)


def test_a_perfect_map():
    case = score(willis(), willis())
    assert (case.dice, case.cldice, case.b0_error, case.hd95_mm) == (1.0, 1.0, 0.0, 0.0)
    assert case.detections == {"R-Pcom": "tn", "L-Pcom": "tp", "Acom": "tp", "3rd-A2": "tn"}
    assert case.variants == {"anterior": ((1, 1, 0, 1), (1, 1, 0, 1)), "posterior": ((1, 1, 1, 0), (1, 1, 1, 0))}
    assert case.matches == {"anterior": True, "posterior": True}


def test_an_artery_that_one_map_lacks_counts_with_the_worst_there_is():
    target, prediction = willis(), willis()
    prediction[prediction == NUMBER["Acom"]] = 0
    prediction[4, 0, :2] = NUMBER["3rd-A2"]
    case = score(prediction, target)
    # Of ten arteries that either has, one is missed and one invented.
    assert case.dice == pytest.approx(8 / 10)
    assert case.hd95_mm == pytest.approx(2 * 90 / 10)
    assert case.b0_error == pytest.approx(2 / 10)
    assert (case.detections["Acom"], case.detections["3rd-A2"]) == ("fn", "fp")
    assert case.variants["anterior"] == ((1, 1, 0, 1), (1, 0, 1, 1))
    assert case.matches == {"anterior": False, "posterior": True}


def test_edges_without_a_label_are_where_arteries_touch():
    target, prediction = willis(), willis()
    prediction[:, :, 8] = 0  # a slit between R-ICA and R-ACA, and between R-PCA and BA
    case = score(prediction, target)
    assert case.variants == {"anterior": ((1, 1, 0, 1), (1, 1, 0, 0)), "posterior": ((1, 1, 1, 0), (1, 1, 0, 0))}
    assert case.matches == {"anterior": False, "posterior": False}
    corner = np.zeros((4, 4, 4), dtype=np.int32)
    corner[1, 1, 1], corner[2, 2, 2] = NUMBER["L-PCA"], NUMBER["BA"]
    assert variant_of(arteries_in(corner), "posterior") == (0, 1, 0, 0)


def test_a_piece_more_spoils_the_topology_alone():
    target, prediction = willis(), willis()
    prediction[5, 11, 39] = NUMBER["L-Pcom"]
    case = score(prediction, target)
    assert case.b0_error == pytest.approx(1 / 9)
    assert case.variants["posterior"][0] == case.variants["posterior"][1]
    assert case.matches == {"anterior": True, "posterior": False}


def test_found_from_a_quarter_on():
    target, prediction = willis(), willis()
    acom = prediction == NUMBER["Acom"]
    prediction[acom & (np.arange(40) >= 17)] = 0
    assert score(prediction, target).detections["Acom"] == "tp"  # two sixths of it
    prediction[acom & (np.arange(40) >= 16)] = 0
    assert score(prediction, target).detections["Acom"] == "fn"


def test_surfaces_have_a_background_voxel_among_26_and_the_volume_ends():
    """A block that fills the volume, without its last slice: its surface is its border."""
    target = np.full((5, 5, 5), NUMBER["BA"], dtype=np.int32)
    prediction = target.copy()
    prediction[..., 4] = 0
    case = score_topcow(prediction, target, CHOSEN, (1.0, 1.0, 1.0), (0, 0, 1.0))
    # 25 of the 98 voxels on the target's surface are a step away, and 9 on the prediction's.
    assert case.hd95_mm == 1.0
    prediction[..., :] = 0
    prediction[2, 2, 2] = NUMBER["BA"]
    target[...] = 0
    target[2, 2, 3] = NUMBER["BA"]
    assert score_topcow(prediction, target, CHOSEN, SPACING, LEFT).hd95_mm == 0.5


def test_left_and_right_swapped_is_no_match():
    target = willis()
    assert not is_mirrored(target, "anterior", LEFT)
    assert is_mirrored(target, "anterior", (0.0, 0.0, -0.5))
    assert is_mirrored(target, "posterior", (0.0, 0.0, -0.5))
    without = np.where(np.isin(target, [NUMBER["L-ICA"], NUMBER["R-PCA"]]), 0, target)
    assert is_mirrored(without, "anterior", (0.0, 0.0, -0.5))  # by the ACAs
    assert not is_mirrored(without, "posterior", (0.0, 0.0, -0.5))  # nobody can tell
    case = score_topcow(target, target, CHOSEN, SPACING, (0.0, 0.0, -0.5))
    assert case.matches == {"anterior": False, "posterior": False}


def test_nothing_in_either_map_is_0_as_theirs():
    case = score(willis() * 0, willis() * 0)
    assert (case.dice, case.cldice, case.b0_error, case.hd95_mm) == (0.0, 0.0, 0.0, 0.0)


def test_outside_a_region_is_background():
    region = np.zeros(willis().shape, dtype=bool)
    region[:, :6] = True
    prediction = willis()
    prediction[:, 6:] = 0
    case = score_topcow(prediction, willis(), CHOSEN, SPACING, LEFT, region)
    assert (case.dice, case.matches) == (1.0, {"anterior": True, "posterior": True})


def case_of(kinds: tuple[str, ...], true: tuple[int, ...], found: tuple[int, ...], match: bool) -> TopCowCase:
    variants = {"anterior": (true, found), "posterior": (true, true)}
    return TopCowCase(
        1.0, 1.0, 0.0, 0.0, dict(zip(GROUP_2, kinds, strict=True)), variants, {"anterior": match, "posterior": True}
    )


def test_each_variant_weighs_the_same():
    full, part = (1, 1, 1, 1), (1, 1, 0, 1)
    cases = {
        "a": case_of(("tp", "tn", "tp", "tn"), full, full, True),
        "b": case_of(("fn", "tn", "tp", "tn"), full, full, False),
        "c": case_of(("fp", "tn", "tp", "fp"), full, part, False),
        "d": case_of(("tp", "tn", "tp", "tn"), part, full, False),
    }
    summary = summarise_topcow(cases)["summary"]
    assert summary["graph_accuracy"] == {"anterior": pytest.approx((2 / 3 + 0) / 2), "posterior": 1.0}
    assert summary["topology_match"] == {"anterior": pytest.approx((1 / 3 + 0) / 2), "posterior": 1.0}
    # An artery that is nowhere, or only invented, has an F1 of 0.
    f1 = summary["detection_f1"]
    assert [f1[name] for name in GROUP_2] == [pytest.approx(4 / 6), 0.0, 1.0, 0.0]
    assert f1["mean"] == pytest.approx((4 / 6 + 1) / 4)
    assert "topology match, variant-balanced: anterior 0.1667, posterior 1.0000" in format_topcow(summary)


def test_what_is_no_circle_of_willis_is_refused():
    with pytest.raises(ValueError, match="topcow: there is no class BA; configs/evaluation"):
        score_topcow(willis(), willis(), ClassSet.of(parse_classes(["1", "2"])), SPACING, LEFT)
    with pytest.raises(ValueError, match=r"expected two label maps \(z, y, x\) of one shape"):
        score_topcow(willis()[0], willis()[0], CHOSEN, SPACING[1:], LEFT[1:])

import math

import numpy as np
import pytest
from scipy import ndimage

from ramify.metrics.case import FLAGS, analyse_pair, evaluate_case, score_pair
from ramify.metrics.centreline import centreline_overlap
from ramify.metrics.families import FAMILIES, chosen_families, measures_of
from ramify.metrics.measure import Measure
from ramify.metrics.overlap import dice, jaccard
from ramify.metrics.pair import analyse_prediction, analyse_target
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.surface import average_surface_distance_mm, hausdorff_distances, surface_dice
from ramify.vessels.skeleton import skeletonize
from tests.metrics.drawn_masks import drawn, random_mask

SPACING = (2.0, 0.5, 0.5)
ALL = EvaluationSettings(measures=("all",))
MEASURES = {measure.name: measure for measure in measures_of(ALL)}


def wavy_tube(offset: int = 0) -> np.ndarray:
    mask = np.zeros((12, 24, 30), dtype=bool)
    for x in range(4, 26):
        mask[5 + round(2 * math.sin(x / 4)), 10 + offset, x] = True
    return ndimage.binary_dilation(mask, iterations=2)


def test_a_row_has_every_measure_as_plain_numbers():
    row = evaluate_case(wavy_tube(2), wavy_tube(), SPACING, ALL)
    assert list(row) == [*MEASURES, *FLAGS]
    assert {type(row[measure]) for measure in MEASURES} <= {float, type(None)}
    assert [row[flag] for flag in FLAGS] == [False, False]


def test_cropping_changes_no_value():
    prediction, target = wavy_tube(2), wavy_tube()
    row = evaluate_case(prediction, target, SPACING)
    assert row["dice"] == dice(prediction, target)
    assert row["jaccard"] == jaccard(prediction, target)
    assert (row["cldice"], row["tprec"], row["tsens"]) == centreline_overlap(prediction, target, spacing_mm=SPACING)
    assert (row["hd_mm"], row["hd95_mm"]) == hausdorff_distances(prediction, target, SPACING)
    assert row["assd_mm"] == average_surface_distance_mm(prediction, target, SPACING)
    assert row["surface_dice"] == surface_dice(prediction, target, SPACING, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_masks_at_the_border_are_cropped_without_harm(seed):
    prediction, target = random_mask(seed, (6, 7, 9), 0.2), random_mask(seed + 50, (6, 7, 9), 0.2)
    prediction[:, :, 5:] = target[:, :, 5:] = False
    row = evaluate_case(prediction, target, SPACING)
    assert (row["hd_mm"], row["hd95_mm"]) == hausdorff_distances(prediction, target, SPACING)


def test_more_background_around_changes_only_what_looks_at_it():
    prediction, target = wavy_tube(3), wavy_tube()
    wider = evaluate_case(*(np.pad(mask, 5) for mask in (prediction, target)), SPACING)
    row = evaluate_case(prediction, target, SPACING)
    assert [name for name in row if row[name] != pytest.approx(wider[name])] == ["accuracy", "fpr"]
    assert wider["accuracy"] > row["accuracy"]


def perfect_value(measure: Measure) -> float:
    return measure.highest if measure.better == "higher" else 0.0


def test_a_perfect_prediction():
    row = evaluate_case(wavy_tube(), wavy_tube(), SPACING)
    for measure in chosen("overlap", "centreline", "surface", "topology"):
        assert row[measure.name] == perfect_value(measure), measure.name


def chosen(*families: str) -> tuple[Measure, ...]:
    return measures_of(EvaluationSettings(measures=families))


def test_two_dimensions():
    line = drawn("""
        .......
        .#####.
        .......
        .......
    """)
    row = evaluate_case(np.roll(line, 1, axis=0), line, (0.5, 1.0))
    assert (row["dice"], row["cldice"], row["hd_mm"], row["hd95_mm"]) == (0.0, 0.0, 0.5, 0.5)
    assert (row["betti0_error"], row["surface_dice"]) == (0.0, 1.0)


def test_both_empty():
    empty = np.zeros((3, 4, 12), dtype=bool)
    left_out = evaluate_case(empty, empty, (1.0, 1.0, 1.0))
    assert left_out == {**dict.fromkeys(measure.name for measure in chosen()), **dict.fromkeys(FLAGS, True)}
    row = evaluate_case(empty, empty, (1.0, 1.0, 1.0), EvaluationSettings(both_empty="perfect"))
    assert [row[flag] for flag in FLAGS] == [True, True]
    for measure in chosen("overlap", "centreline", "surface", "topology"):
        assert row[measure.name] == perfect_value(measure), measure.name


@pytest.mark.parametrize("missing", FLAGS)
def test_one_empty_scores_nought_and_the_diagonal_of_the_whole_volume(missing):
    mask = np.zeros((3, 4, 12), dtype=bool)
    mask[1, 1, 1] = True
    empty = np.zeros_like(mask)
    pair = (empty, mask) if missing == "empty_prediction" else (mask, empty)
    row = evaluate_case(*pair, (2.0, 2.0, 2.0), ALL)
    worst = {"agreement": 0.0, "error": 1.0, "distance": 26.0}
    ruled = [measure for measure in MEASURES.values() if measure.empty in worst]
    assert {measure.name: row[measure.name] for measure in ruled} == {
        measure.name: worst[measure.empty] for measure in ruled
    }
    assert row["accuracy"] == 143 / 144
    assert (row["betti0_error"], row["betti1_error"], row["euler_error"]) == (1.0, 0.0, 1.0)
    assert [flag for flag in FLAGS if row[flag]] == [missing]


def test_a_miss_is_worse_than_the_farthest_find():
    prediction, target = np.zeros((2, 3, 4, 12), dtype=bool)
    prediction[0, 0, 0] = target[-1, -1, -1] = True
    found = evaluate_case(prediction, target, (1.0, 1.0, 1.0), ALL)
    missed = evaluate_case(np.zeros_like(target), target, (1.0, 1.0, 1.0), ALL)
    distances = [measure.name for measure in MEASURES.values() if measure.empty == "distance"]
    assert len(distances) >= 3
    assert all(found[name] < missed[name] for name in distances)


def test_bad_input_is_refused():
    mask = np.ones((2, 2), dtype=bool)
    with pytest.raises(ValueError, match="expected a boolean array"):
        evaluate_case(mask.astype(np.float32), mask, (1.0, 1.0))
    with pytest.raises(ValueError, match="spacing_mm"):
        evaluate_case(mask, mask, (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="region: expected at least one voxel"):
        evaluate_case(mask, mask, (1.0, 1.0), region=~mask)
    with pytest.raises(ValueError, match="resample one onto the other's grid"):
        evaluate_case(mask, mask, (1.0, 1.0), region=mask[:1])


def test_families_are_chosen_and_keep_their_order():
    settings = EvaluationSettings(measures=("surface", "overlap"))
    assert list(chosen_families(settings)) == ["overlap", "surface"]
    row = evaluate_case(wavy_tube(1), wavy_tube(), SPACING, settings)
    whole = evaluate_case(wavy_tube(1), wavy_tube(), SPACING)
    assert list(row) == [*(measure.name for measure in measures_of(settings)), *FLAGS]
    assert "cldice" not in row
    assert row == {name: whole[name] for name in row}


def test_slow_families_are_computed_when_asked_for():
    slow = {name for name, family in FAMILIES.items() if not family.fast}
    assert slow == {"street_mover"}
    assert chosen_families(ALL) == FAMILIES
    assert set(chosen_families(EvaluationSettings())) == set(FAMILIES) - slow
    assert list(chosen_families(EvaluationSettings(measures=("street_mover",)))) == ["street_mover"]


def test_an_unknown_family_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no family of measures is called overlaps; did you mean overlap"):
        EvaluationSettings(measures=("overlaps",))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_gives_what_it_says(family: str):
    settings = EvaluationSettings(measures=(family,))
    names = [measure.name for measure in measures_of(settings)]
    assert len(set(names)) == len(names)
    empty = np.zeros_like(wavy_tube())
    for prediction in (wavy_tube(1), empty):
        for target in (wavy_tube(), empty):
            assert list(evaluate_case(prediction, target, SPACING, settings)) == [*names, *FLAGS]
    one, other = analyse_pair(wavy_tube(1), wavy_tube(), SPACING, settings)
    assert set(FAMILIES[family].score(one, other, settings.of_family(family))) == set(names)


def test_a_measure_says_what_it_is():
    assert len(MEASURES) == len(measures_of(ALL))
    for measure in MEASURES.values():
        assert measure.formula
        assert measure.source
        assert measure.name.endswith("_mm") == (measure.unit == "mm")
        assert measure.range in ("0 to 1", "0 and up", "0 to the diagonal"), measure.name
    for rule, says in (("left_out", "no measure has a value"), ("perfect", "overlaps and clDice 1")):
        policy = EvaluationSettings.model_validate({"both_empty": rule}).policy()
        assert says in policy.split("One mask empty")[0]
        assert "flagged and counted" in policy


def test_values_stay_in_the_range_of_their_measures():
    generator = np.random.default_rng(0)
    for seed in range(8):
        pair = random_mask(seed, (7, 8, 9), generator.random()), random_mask(seed + 50, (7, 8, 9), generator.random())
        for name, value in evaluate_case(*pair, SPACING).items():
            if name in FLAGS:
                continue
            measure = MEASURES[name]
            assert value is None or 0 <= value <= measure.highest, (name, value)


def test_the_truth_is_analysed_once_for_many_predictions(monkeypatch: pytest.MonkeyPatch):
    thinned = []

    def counted(mask: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
        thinned.append(mask)
        return skeletonize(mask, spacing_mm)

    monkeypatch.setattr("ramify.vessels.solid.skeletonize", counted)
    settings = EvaluationSettings(measures=("overlap", "centreline", "surface", "topology"))
    target = analyse_target(wavy_tube(), SPACING)
    rows = [score_pair(analyse_prediction(wavy_tube(shift), target), target, settings) for shift in range(3)]
    assert len(thinned) == 4
    assert rows == [evaluate_case(wavy_tube(shift), wavy_tube(), SPACING, settings) for shift in range(3)]


def test_settings_reach_their_measures():
    prediction, target = wavy_tube(2), wavy_tube()
    narrow, wide = ({"surface": {"tolerance_mm": tolerance}} for tolerance in (0.4, 5.0))
    values = [
        evaluate_case(prediction, target, SPACING, EvaluationSettings.model_validate(one))["surface_dice"]
        for one in (narrow, wide)
    ]
    assert values[0] < values[1] == 1.0
    tube = np.zeros((8, 8, 20), dtype=bool)
    tube[2:6, 2:6, :] = True
    lost = evaluate_case(tube, tube, SPACING, EvaluationSettings(skeleton="scikit-image"))
    assert (lost["cldice"], evaluate_case(tube, tube, SPACING)["cldice"]) == (0.0, 1.0)


def test_only_the_region_counts():
    prediction, target = wavy_tube(2), wavy_tube()
    region = np.zeros_like(target)
    region[:, :, 10:20] = True
    row = evaluate_case(prediction, target, SPACING, region=region)
    cut = evaluate_case(prediction & region, target & region, SPACING)
    of_voxels = [measure.name for measure in chosen("overlap", "surface")]
    assert [name for name in of_voxels if row[name] != cut[name]] == ["accuracy", "fpr"]
    assert row["accuracy"] == pytest.approx(np.mean((prediction == target)[region]))
    assert row["fpr"] == pytest.approx(np.mean(prediction[region & ~target]))

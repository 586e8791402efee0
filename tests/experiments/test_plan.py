from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ramify.command_line import parse
from ramify.experiments.layers import nested
from ramify.experiments.settings import ExperimentSettings


def settings(**given: Any) -> ExperimentSettings:
    return ExperimentSettings.model_validate({"name": "x", "variants": {"a": {}, "b": {}}, **given})


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, {}),
        ({"a": 1}, {"a": 1}),
        ({"a.b.c": 1, "a.b.d": [2], "e": 3}, {"a": {"b": {"c": 1, "d": [2]}}, "e": 3}),
        ({"a.b": 1, "a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": {"b.c": 1}}, {"a": {"b": {"c": 1}}}),
        ({"a.b": {}}, {"a": {"b": {}}}),
    ],
)
def test_dotted_keys_are_sections_within_sections(overrides, expected):
    assert nested(overrides) == expected


@pytest.mark.parametrize("overrides", [{"a.b": 1, "a": {"b": 2}}, {"a": 1, "a.b": 2}, {"a": {"b": 1}, "a.b.c": 2}])
def test_a_key_given_twice_is_refused(overrides):
    with pytest.raises(ValueError, match=r"^a(\.b)? is given twice$"):
        nested(overrides)


def test_runs_in_an_order_that_can_be_compared_half_way(plan, tmp_path: Path):
    _, runs = plan(folds=(0, 2), seeds=(7, 8))
    order = [(run.seed, run.fold, run.variant) for run in runs]
    assert order[:4] == [(7, 0, "base"), (7, 0, "ours"), (7, 2, "base"), (7, 2, "ours")]
    assert order == sorted(order)
    run = runs[-1]
    assert run.folder.root == tmp_path / "test" / "runs" / "ours" / "seed_8" / "fold_2"
    assert (run.settings.seed, run.settings.fold, run.settings.resume) == (8, 2, True)
    assert run.settings.cases == tmp_path / "store"
    assert len({run.folder.root for run in runs}) == len({run.name for run in runs}) == 8


def test_folds_that_take_turns_get_a_seed_each(plan):
    _, runs = plan(folds=(0, 1), seeds=(7, 8, 9), seeds_in_turn=True)
    order = [(7, 0, "base"), (7, 0, "ours"), (8, 1, "base"), (8, 1, "ours"), (9, 0, "base"), (9, 0, "ours")]
    assert [(run.seed, run.fold, run.variant) for run in runs] == order


def test_variants_that_are_prepared_alike_share_their_cases():
    own = {"preprocess": {"preprocessing.scales.estimator": "paper"}}
    same = {"preprocess": {"preprocessing": {"scales": {"estimator": "paper"}}}}
    experiment = settings(output="out", variants={"a": {}, "b": own, "c": same, "d": {"train": {"seed_": 1}}})
    assert [experiment.store_of(name) for name in "abcd"] == [
        Path("out/x/cases"),
        Path("out/x/cases_b"),
        Path("out/x/cases_b"),
        Path("out/x/cases"),
    ]
    assert settings(cases="there").store_of("b") == Path("there")


def test_cases_go_in_place_of_preprocess():
    experiment = settings(cases="there", preprocess={"configs": ["a.yaml"]})
    assert experiment.store_of("a") == Path("there")


def test_a_flag_that_does_not_fit_a_file_is_told_by_its_name(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("{name: x, root: data, variants: {a: {}, b: {}}}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^--cases and --root: prepared cases need no data set; leave one"):
        parse(ExperimentSettings, "", ["--config", str(file), "--cases", "there"])


def test_what_is_probed_is_a_measure_and_part_of_every_run(plan):
    experiment, runs = plan(probe=("encoder.1", "bottleneck"), measures=("dice", "probe_bottleneck", "probe_encoder_1"))
    assert experiment.measures[1] == "probe_bottleneck"
    assert {run.further.probe for run in runs} == {("encoder.1", "bottleneck")}


def test_measures_at_a_precision_are_those_of_the_evaluation(plan):
    experiment, runs = plan(at_precision=0.8, measures=("at_precision_dice", "at_precision_cldice"))
    assert experiment.measures == ("at_precision_dice", "at_precision_cldice")
    assert {run.further.at_precision for run in runs} == {0.8}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"variants": {"a": {}}}, "at least two variants"),
        ({"variants": {}}, "at least two variants"),
        ({"variants": {"a": {}, "b c": {}}}, "names a folder"),
        ({"name": "../x"}, "names a folder"),
        ({"folds": []}, "at least one number"),
        ({"seeds": [1, 1]}, "each once"),
        ({"folds": [0, 1], "seeds": [0], "seeds_in_turn": True}, "a seed for each fold, got 1 for 2"),
        ({"folds": [-1]}, "greater than or equal to 0"),
        ({"measures": ["dyce"]}, "no measure 'dyce' with these evaluation settings; did you mean dice?"),
        ({"measures": ["hd_mm"], "evaluation": {"measures": ["overlap"]}}, "there are dice, jaccard"),
        ({"measures": ["probe_encoder_1"]}, "no measure 'probe_encoder_1'"),
        ({"measures": ["probe_encoder_2"], "probe": ["encoder.1"]}, "did you mean probe_encoder_1?"),
        ({"measures": ["at_precision_dice"]}, "no measure 'at_precision_dice'"),
        ({"at_precision": 1.0}, "less than 1"),
        ({"probe": ["intensity", "intensity"]}, "each kind of features once"),
        ({"measures": []}, "at least one measure"),
        ({"measures": ["dice", "dice"]}, "each once"),
        ({"folds": [0], "comparison": {"unit": "fold"}}, "pairs of folds need at least two folds"),
        ({"cases": "there", "root": "data"}, "--cases and --root: prepared cases need no data set"),
        ({"cases": "there", "variants": {"a": {}, "b": {"preprocess": {"x": 1}}}}, "taken as they are"),
        ({"variants": {"a": {}, "b": {"train": {"seed": 3}}}}, "variants.b.train: seed is the experiment's own"),
        ({"variants": {"a": {}, "b": {"train": {"cases": "elsewhere"}}}}, "cases is the experiment's own"),
        ({"variants": {"a": {}, "b": {"trian": {}}}}, "Extra inputs"),
    ],
)
def test_bad_experiments(given, message):
    with pytest.raises(ValidationError) as caught:
        settings(**given)
    assert message in str(caught.value)

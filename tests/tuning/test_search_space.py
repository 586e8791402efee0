from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from ramify.command_line.yaml_settings import read_yaml
from ramify.training.settings import RunSettings
from ramify.tuning.search_space import build_space

CONFIG = RunSettings(cases="cases", output="run")
CONFIGS = Path(__file__).parents[2] / "configs"


def refusal(text: str) -> str:
    with pytest.raises(ValueError, match=r"^space\.yaml: ") as refused:
        build_space(yaml.safe_load(text), CONFIG, "space.yaml")
    assert "\n" not in str(refused.value)
    return str(refused.value).removeprefix("space.yaml: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "an empty search space"),
        ("loss.temperatur: {low: 0.1, high: 1}", "unknown key; did you mean loss.temperature?"),
        ("loss.lambda_scales.3: {low: 0, high: 1}", "has 3 elements, 0 to 2"),
        ("loss: {temperature: {low: 0.1, high: 1}}", "loss: holds several settings"),
        ("loss.main.dyce: {low: 0, high: 1}", "loss.main.dyce: unknown loss term 'dyce'; did you mean 'dice'?"),
        # Outside the setting's own bounds, at either end and among choices.
        (
            "loss.temperature: {low: 0, high: 1}",
            "loss.temperature: Input should be greater than or equal to 0.001",
        ),
        ("train.weight_decay: {low: -1, high: 1}", "greater than or equal to 0 (got -1.0)"),
        ("augmentation.flip_probability: {low: 0, high: 2}", "(got 2.0)"),
        ("loss.anchors.mode: {choices: [dense, maskd]}", "'dense', 'pooled' or 'masked' (got 'maskd')"),
        ("loss.foreground_weight: {low: -1, high: 3}", "loss.foreground_weight: Input should be greater than 0"),
        # Of another type.
        ("loss.anchors.cap: {low: 2.5, high: 4}", "valid integer"),
        ("loss.anchors.mode: {low: 0, high: 1}", "'dense', 'pooled' or 'masked' (got 0.0)"),
        ("train.augment: {low: 0, high: 1}", "train.augment: takes no range of numbers; give it choices"),
        ("train.augment: {choices: [0, 1]}", "0 would be read as False"),
        ("train.learning_rate: {choices: ['1e-4', 0.1]}", "'1e-4' would be read as 0.0001"),
        # Ranges that are none.
        ("loss.temperature: 3", "expected {low: …, high: …} or {choices: […]}, got 3"),
        ("loss.temperature: {low: 1}", "expected low and high, or choices"),
        ("loss.temperature: {low: 1, high: 1}", "low must be below high, got 1 and 1"),
        ("loss.temperature: {low: .nan, high: 1}", "low: Input should be a finite number"),
        ("loss.temperature: {low: x, high: 1}", "low: Input should be a valid number"),
        ("loss.temperature: {low: 0.1, hihg: 1}", "unknown part 'hihg'; did you mean high?"),
        ("loss.lambda_contrastive: {low: 0, high: 1, log: true}", "log needs a low above 0, got 0"),
        ("loss.temperature: {low: 0.1, high: 1, choices: [1, 2]}", "either choices or low and high, got both"),
        ("loss.anchors.mode: {choices: [dense]}", "choices: "),
        ("loss.anchors.mode: {choices: [[dense], pooled]}", "expected plain values to choose from, got ['dense']"),
        # Settings that follow another one.
        ("loss.temperature: {low: 0.1, high: 1, also: [loss.temperatur]}", "loss.temperatur: unknown key"),
        ("loss.main.tversky: {low: 0, high: 1.5, complement: [loss.main.dice]}", "loss.main.dice: weight of dice"),
        ("loss.main.tversky: {choices: [0, 1], complement: [loss.main.dice]}", "complement needs low and high"),
        ("loss.temperature: {low: 1, high: 9, also: [loss.anchors.cap]}", "loss.anchors.cap"),
        ("loss.temperature: {low: 0.1, high: 1, also: [loss.temperature]}", "loss.temperature: named twice"),
        # Trials that differ in these cannot be compared.
        ("seed: {low: 0, high: 9}", "seed: is the same in every trial and cannot be searched"),
        ("train.epochs: {low: 1, high: 9}", "cannot be searched"),
        ("validation.every: {low: 1, high: 9}", "cannot be searched"),
        # Each range fits alone, and together they do not.
        (
            "augmentation.gamma.0: {low: 0.5, high: 1.2}\naugmentation.gamma.1: {low: 1.0, high: 1.1}",
            "augmentation.gamma",
        ),
    ],
)
def test_what_is_refused_before_any_trial(text, message):
    assert message in refusal(text)


def test_weights_that_leave_nothing_to_learn_are_refused():
    text = "loss.main.dice: {low: 0, high: 1}\nloss.main.cross_entropy: {low: 0, high: 1}"
    assert "with every setting at its lowest value: " in refusal(text)


def suggested(text: str, trials: int = 30) -> list[dict[str, Any]]:
    space = build_space(yaml.safe_load(text), CONFIG, "space.yaml")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    values: list[dict[str, Any]] = []
    study.optimize(lambda trial: values.append(space.suggest(trial)) or 0.0, n_trials=trials)  # type: ignore[func-returns-value]
    for each in values:
        space.apply(CONFIG, each)
    return values


def test_suggestions_are_of_the_settings_own_type_and_range():
    text = """
        loss.temperature: {low: 1, high: 2}
        loss.anchors.cap: {low: 2, high: 4}
        loss.anchors.mode: {choices: [dense, masked]}
        train.gradient_clip: {choices: [null, 1.0]}
        train.augment: {choices: [true, false]}
    """
    values = suggested(text)
    assert all(isinstance(each["loss.temperature"], float) and 1 <= each["loss.temperature"] <= 2 for each in values)
    assert any(each["loss.temperature"] not in (1.0, 2.0) for each in values)
    assert {type(each["loss.anchors.cap"]) for each in values} == {int}
    assert {each["loss.anchors.cap"] for each in values} == {2, 3, 4}
    assert {each["loss.anchors.mode"] for each in values} == {"dense", "masked"}
    assert {each["train.gradient_clip"] for each in values} == {None, 1.0}
    assert {each["train.augment"] for each in values} == {True, False}


def test_log_draws_the_logarithm():
    values = [each["train.learning_rate"] for each in suggested("train.learning_rate: {low: 1e-6, high: 1, log: true}")]
    # Evenly over the logarithm, half lie below 1e-3; evenly over the range, one in a thousand would.
    assert 5 <= sum(value < 1e-3 for value in values) <= 25


def test_apply_reaches_lists_mappings_and_followers():
    text = """
        loss.lambda_scales.1: {low: 0, high: 1}
        loss.main.skeleton_recall:
          {low: 0, high: 0.5, also: [loss.auxiliary.skeleton_recall], complement: [loss.main.dice]}
    """
    space = build_space(yaml.safe_load(text), CONFIG, "space.yaml")
    changed = space.apply(CONFIG, {"loss.lambda_scales.1": 0.25, "loss.main.skeleton_recall": 0.3})
    assert changed.loss.lambda_scales == (0.78, 0.25, 0.54)
    assert changed.loss.main == {"dice": 0.7, "cross_entropy": 1.0, "skeleton_recall": 0.3}
    assert changed.loss.auxiliary == {"dice": 1.0, "cross_entropy": 1.0, "skeleton_recall": 0.3}
    untouched = {"loss": CONFIG.loss}
    assert changed.model_copy(update=untouched) == CONFIG


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss.temperature: {low: 0.1, high: 1}", {"loss.temperature": 0.94}),
        ("loss.temperature: {low: 0.1, high: 0.9}", None),
        ("loss.anchors.mode: {choices: [dense, masked]}", {"loss.anchors.mode": "dense"}),
        ("loss.anchors.mode: {choices: [pooled, masked]}", None),
        # Without the weight, the configuration is not one of the space.
        ("loss.main.skeleton_recall: {low: 0, high: 1}", None),
        # 1 - 1 is not the weight of cross-entropy.
        ("loss.main.dice: {low: 0, high: 1, complement: [loss.main.cross_entropy]}", None),
    ],
)
def test_the_configuration_as_a_trial(text, expected):
    assert build_space(yaml.safe_load(text), CONFIG, "space.yaml").baseline(CONFIG) == expected


@pytest.mark.parametrize("name", ["demo.yaml", "paper.yaml"])
@pytest.mark.parametrize("path", sorted((CONFIGS / "tuning").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_spaces_fit_shipped_configurations(path, name):
    given = read_yaml(path)
    config = RunSettings.model_validate(read_yaml(CONFIGS / name))
    space = build_space(given, config, str(path))
    if path.name == "paper.yaml":
        values = space.baseline(config)
        assert values is not None
        assert list(values.values()) == [0.78, 0.48, 0.54, 0.53, 0.94]

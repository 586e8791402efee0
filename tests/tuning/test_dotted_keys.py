import re

import pytest

from ramify.training.settings import RunSettings
from ramify.tuning.dotted_keys import flat, look_up, put

CONFIG = RunSettings(cases="cases", output="run")


def test_flat_names_every_leaf():
    nested = {"a": 1, "b": {"c": [2, {"d": None}], "e": {}}, "f": []}
    assert flat(nested) == {"a": 1, "b.c.0": 2, "b.c.1.d": None, "b.e": {}, "f": []}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 0),
        ("train.learning_rate", 3e-4),
        ("loss.lambda_scales.1", 0.48),
        ("loss.main.dice", 1.0),
        ("loss.main.not_there_yet", None),
        ("loading.patch_size", None),
    ],
)
def test_look_up(key, value):
    assert look_up(CONFIG, key) == value


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("train.learning_rat", "train.learning_rat: unknown key; did you mean train.learning_rate?"),
        ("temperature", "temperature: unknown key; did you mean loss.temperature?"),
        ("zzz", "zzz: unknown key; see the configuration's keys with train.py --help"),
        ("loss", "loss: holds several settings; name one of them, such as loss."),
        ("loss.main", "loss.main: holds several settings; name one of them, such as loss.main.dice"),
        ("loss.main.dice.x", "loss.main.dice.x: loss.main.dice is 1.0 in the configuration and has no parts"),
        ("loss.lambda_scales.3", "loss.lambda_scales.3: loss.lambda_scales has 3 elements, 0 to 2"),
        ("loss.lambda_scales.-1", "loss.lambda_scales has 3 elements, 0 to 2"),
        ("loading.patch_size.0", "loading.patch_size is None in the configuration"),
    ],
)
def test_keys_that_name_no_setting(key, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        look_up(CONFIG, key)


def test_put_changes_one_value_alone():
    plain = CONFIG.model_dump(mode="json")
    before = flat(plain)
    for key, value in {"loss.lambda_scales.1": 9.0, "loss.main.tversky": 0.5, "train.epochs": 7}.items():
        put(plain, key, value)
        before[key] = value
    assert flat(plain) == before

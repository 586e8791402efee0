"""What a training is, and what of its settings only says how it runs."""

from pathlib import Path

import pytest

from ramify.training.run_folder import _check_same_settings
from ramify.training.settings import FREE_SETTINGS, RunSettings

SETTINGS = RunSettings(cases=Path("cases"), output=Path("run"))
FREE_CHANGES = {
    "fold_count": 3,
    "verify": True,
    "train": {"checkpoint_minutes": None},
    "loading": {"workers": 2},
    "validation": {"figures_every": 7},
}


def changed(**changes: object) -> RunSettings:
    plain = SETTINGS.model_dump(mode="json")
    for name, value in changes.items():
        plain[name] = {**plain[name], **value} if isinstance(value, dict) else value
    return RunSettings.model_validate(plain)


def test_every_free_setting_is_one():
    plain = SETTINGS.model_dump(mode="json")
    for key in FREE_SETTINGS:
        section, _, name = key.partition(".")
        assert (name in plain[section]) if name else (section in plain), key
        assert key not in SETTINGS.decisive()


@pytest.mark.parametrize("name", FREE_CHANGES)
def test_where_and_how_fast_a_training_runs_may_change(name):
    other = changed(**{name: FREE_CHANGES[name]})
    assert other != SETTINGS
    assert other.decisive() == SETTINGS.decisive()
    _check_same_settings(other, SETTINGS.model_dump(mode="json"), Path("run"))


def test_a_resumed_training_may_be_longer_and_nothing_else():
    saved = SETTINGS.model_dump(mode="json")
    _check_same_settings(changed(train={"epochs": 3000}), saved, Path("run"))
    with pytest.raises(ValueError, match=r"cannot resume with another train.learning_rate \(it was 0.0003, now 0.1\)"):
        _check_same_settings(changed(train={"learning_rate": 0.1}), saved, Path("run"))


def test_a_setting_that_an_older_checkpoint_does_not_know_had_its_default():
    saved = SETTINGS.model_dump(mode="json")
    del saved["train"]["sync_batch_norm"]
    _check_same_settings(SETTINGS, saved, Path("run"))
    with pytest.raises(ValueError, match=r"train.sync_batch_norm \(it was True, now False\)"):
        _check_same_settings(changed(train={"sync_batch_norm": False}), saved, Path("run"))


def test_tasks_in_turn_need_a_decoder_each():
    given = {"cases": "cases", "output": "run", "loss": {"in_turn": True}, "model": {"network": "unet"}}
    with pytest.raises(ValueError, match=r"loss\.in_turn: network unet has one decoder for all tasks"):
        RunSettings.model_validate(given)

"""A training ends at its last epoch, or once validations no longer become better; resumed, it is still over."""

import pytest

from ramify.data.loading_settings import LoadingSettings
from ramify.models.settings import ModelSettings
from ramify.training import validation
from ramify.training.checkpoint import load_checkpoint
from ramify.training.ending import is_out_of_patience, is_over
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from tests.asked import ASKED


def settings_of(cases, output, patience, epochs=9, every=1):
    return RunSettings(
        cases=cases,
        output=output,
        fold="all",
        device="cpu",
        resume=True,
        model=ModelSettings(tasks=ASKED["binary"], levels=1, base_channels=2),
        loading=LoadingSettings(batch_size=1, samples_per_epoch=1, patch_size=(8, 8, 8), workers=0),
        train=TrainSettings(epochs=epochs),
        validation=ValidationSettings(every=every, figures_every=9, patience=patience),
    )


def rows(*scores):
    """A row an epoch; None: it had no validation."""
    return [
        {"epoch": float(epoch)} | ({} if score is None else {"validation/dice": score})
        for epoch, score in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("scores", "out"),
    [
        ([], False),
        ([None, None, None], False),
        ([0.5], False),
        ([0.5, 0.4], False),
        ([0.5, 0.4, 0.3], True),
        # As good is no better, and epochs without a validation do not count.
        ([0.5, None, 0.5, None, None, 0.5], True),
        ([0.5, None, 0.4, None, None], False),
        ([0.5, 0.4, 0.6, 0.5], False),
    ],
)
def test_patience_counts_validations_after_the_best(scores, out):
    settings = settings_of("cases", "run", patience=2)
    assert is_out_of_patience(settings, rows(*scores)) is is_over(settings, rows(*scores)) is out
    assert not is_over(settings_of("cases", "run", patience=None), rows(*scores))
    assert is_over(settings_of("cases", "run", patience=None), rows(*[0.1 * epoch for epoch in range(9)]))


def scored(monkeypatch, *scores):
    """Let validations find these scores, one after the other."""
    left = iter(scores)
    real = validation.measures_of

    def measures_of(cases, names):
        return {**real(cases, names), "dice": next(left)}

    monkeypatch.setattr("ramify.training.loop.measures_of", measures_of)


def epochs_of(folder, name):
    return load_checkpoint(folder.checkpoint(name))["epoch"]


@pytest.mark.integration
def test_it_ends_with_a_final_checkpoint_says_so_and_stays_over(tiny_cases, tmp_path, monkeypatch, capsys):
    scored(monkeypatch, 0.2, 0.5, 0.4, 0.5)
    folder = train_run(settings_of(tiny_cases, tmp_path, patience=2))
    assert [epochs_of(folder, name) for name in ("latest", "best", "final")] == [4, 2, 4]
    assert (
        "over after 4 of 9 epochs: 2 validations without a dice above the 0.500 of epoch 2" in capsys.readouterr().out
    )
    before = folder.checkpoint("final").read_bytes()
    train_run(settings_of(tiny_cases, tmp_path, patience=2))
    assert "already trained for 4 epochs" in capsys.readouterr().out
    assert folder.checkpoint("final").read_bytes() == before


@pytest.mark.integration
def test_with_more_patience_it_goes_on_and_with_less_it_is_over_at_once(tiny_cases, tmp_path, monkeypatch):
    scored(monkeypatch, 0.5, 0.4, 0.3, 0.2)
    folder = train_run(settings_of(tiny_cases, tmp_path, patience=1))
    assert epochs_of(folder, "final") == 2
    train_run(settings_of(tiny_cases, tmp_path, patience=3))
    assert epochs_of(folder, "final") == 4
    assert len((folder.root / "history.csv").read_text(encoding="utf-8").splitlines()) == 5

    scored(monkeypatch, 0.5, 0.4, 0.3, 0.3)
    whole = train_run(settings_of(tiny_cases, tmp_path / "whole", patience=None, epochs=3))
    train_run(settings_of(tiny_cases, tmp_path / "whole", patience=1, epochs=9))
    assert epochs_of(whole, "final") == 3

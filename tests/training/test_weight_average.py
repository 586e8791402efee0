"""The mean of the weights: by hand, free of what it began with, and what is validated, kept and predicted with."""

import pytest
import torch
from torch import nn

from ramify.data.loading_settings import LoadingSettings
from ramify.models import build_network
from ramify.models.settings import ModelSettings
from ramify.training.checkpoint import load_checkpoint
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from ramify.training.state import restore, set_up
from ramify.training.trained_network import read_network
from ramify.training.weight_average import WeightAverage
from tests.asked import ASKED

SMALL = ModelSettings(tasks=ASKED["binary"], levels=2, base_channels=2)


def network(seed=0):
    torch.manual_seed(seed)
    return build_network(SMALL, 1, 2, 3)


def filled(of, value):
    with torch.no_grad():
        for weight in of.parameters():
            weight.fill_(value)
    return of


def test_early_it_is_short_and_later_as_long_as_its_decay():
    latest = network()
    average = WeightAverage(latest, decay=0.5)
    weight = next(average.network.parameters())
    expected, seen = 0.0, []
    for done, value in enumerate([1.0, 2.0, -4.0, *[3.0] * 12]):
        average.update(filled(latest, value), done)
        share = max(0.5, 9 / (9 + done))
        expected = (1 - share) * expected + share * value
        assert weight.flatten()[0].item() == pytest.approx(expected, rel=1e-5)
        seen.append(share)
    # All of the first, and from the tenth on a half.
    assert seen[0] == 1.0
    assert seen[8] > 0.5 == seen[9] == seen[-1]


def test_statistics_of_norms_are_the_latest_and_no_gradient_reaches_it():
    latest = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    average = WeightAverage(latest, decay=0.9)
    latest(torch.randn(4, 1, 8, 8)).sum().backward()
    average.update(latest, 100)
    assert torch.equal(average.network[1].running_mean, latest[1].running_mean)
    assert not any(weight.requires_grad for weight in average.network.parameters())
    assert not average.network.training


def settings_of(cases, output, **train):
    return RunSettings(
        cases=cases,
        output=output,
        fold="all",
        device="cpu",
        model=SMALL,
        loading=LoadingSettings(batch_size=2, samples_per_epoch=4, workers=0),
        train=TrainSettings.model_validate({"epochs": 2, "learning_rate": 0.05, "augment": False, **train}),
        validation=ValidationSettings(every=1, figures_every=9),
    )


def test_the_mean_is_what_is_validated_kept_and_predicted_with(tiny_cases, tmp_path):
    folder = train_run(settings_of(tiny_cases, tmp_path / "mean", average=0.9))
    plain = load_checkpoint(train_run(settings_of(tiny_cases, tmp_path / "plain")).checkpoint("final"))
    kept = load_checkpoint(folder.checkpoint("final"))
    # It changes nothing of the training itself.
    assert plain["latest"] == {}
    assert all(torch.equal(value, kept["latest"][name]) for name, value in plain["model"].items())
    assert any(not torch.equal(value, kept["latest"][name]) for name, value in kept["model"].items())
    losses = [[row["loss/total"] for row in each["history"]] for each in (kept, plain)]
    assert losses[0] == losses[1]
    scores = [[row["validation/dice"] for row in each["history"]] for each in (kept, plain)]
    assert scores[0] != scores[1]
    weights = read_network(folder.checkpoint("final")).network.state_dict()
    assert all(torch.equal(value, kept["model"][name]) for name, value in weights.items())


def test_a_checkpoint_without_the_latest_weights_cannot_go_on(tiny_cases, tmp_path):
    plain = train_run(settings_of(tiny_cases, tmp_path / "plain"))
    training, _ = set_up(settings_of(tiny_cases, tmp_path / "mean", average=0.9))
    with pytest.raises(ValueError, match=r"cannot be resumed from it \(.*"):
        restore(training, load_checkpoint(plain.checkpoint("final")))

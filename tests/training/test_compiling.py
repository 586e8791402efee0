"""A compiled training is the same training, to rounding; without a compiler it ends in a line."""

from functools import partial

import pytest
import torch

from ramify.losses.settings import LossSettings
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.training.loop import batches_of, train_run
from ramify.training.settings import RunSettings, TrainSettings
from ramify.training.state import set_up
from ramify.training.step import train_step

real = torch.compile


def settings_of(cases, output, **train):
    return RunSettings.model_validate(
        {
            "cases": cases,
            "output": output,
            "fold": "all",
            "device": "cpu",
            "model": ModelSettings(levels=2, base_channels=2, contrast=ContrastHeadSettings(head="per_scale")),
            "loading": {"batch_size": 1, "samples_per_epoch": 3, "patch_size": (8, 8, 8), "workers": 0},
            "loss": LossSettings(lambda_scales=(0.5,)),
            "train": TrainSettings.model_validate({"epochs": 1, **train}),
        }
    )


def losses(settings):
    training, _ = set_up(settings)
    batches = batches_of(training)
    training.network.train()
    steps = enumerate(batches.of_epoch(0))
    return [train_step(training, batch, step, len(batches))["loss/total"].item() for step, batch in steps]


@pytest.mark.integration
def test_steps_are_the_same(tiny_cases, tmp_path, monkeypatch):
    plain = losses(settings_of(tiny_cases, tmp_path / "plain"))
    graphs = []

    def counted(graph, inputs):
        graphs.append(graph)
        return graph

    monkeypatch.setattr(torch, "compile", partial(real, backend=counted))
    assert losses(settings_of(tiny_cases, tmp_path / "compiled", compile=True)) == pytest.approx(plain, rel=1e-5)
    assert graphs
    assert len(set(plain)) == 3


@pytest.mark.integration
def test_without_a_compiler_it_is_a_line(tiny_cases, tmp_path, monkeypatch):
    def fails(graph, inputs):
        raise RuntimeError("no compiler\nfound here")

    monkeypatch.setattr(torch, "compile", partial(real, backend=fails))
    with pytest.raises(
        ValueError, match=r"train\.compile: torch.compile cannot make .* here .*no compiler.* without it"
    ):
        train_run(settings_of(tiny_cases, tmp_path, compile=True))

"""Batches whose gradients make one update are one batch of all of them, the last of an epoch too."""

import pytest
import torch

from ramify.data.loading_settings import LoadingSettings
from ramify.losses.settings import LossSettings
from ramify.models.settings import ModelSettings
from ramify.training.loop import batches_of
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from ramify.training.state import set_up
from ramify.training.step import Place, train_step
from tests.asked import ASKED

# Means over the samples of a batch, and norms over each sample by itself: for others no sum of small batches is a large
# one.
INSTANCE_NORMS = ModelSettings(
    network="monai:UNet", tasks=ASKED["binary"], arguments={"channels": [2, 4], "strides": [2], "norm": "instance"}
)
BY_SAMPLE = LossSettings.model_validate({"main": {"dice": 1.0, "cross_entropy": 0.0}, "auxiliary": {"dice": 1.0}})


def settings_of(cases, output, batch, **train):
    return RunSettings(
        cases=cases,
        output=output,
        fold="all",
        device="cpu",
        model=INSTANCE_NORMS,
        loading=LoadingSettings(batch_size=batch, samples_per_epoch=8, patch_size=(8, 8, 8), workers=0),
        loss=BY_SAMPLE,
        train=TrainSettings.model_validate({"epochs": 1, "learning_rate": 1e-2, "optimiser": "sgd", **train}),
        validation=ValidationSettings(every=9),
    )


def gradients(settings):
    """Of each update of the first epoch, before it moves the weights."""
    training, _ = set_up(settings)
    batches = batches_of(training)
    found = []
    training.optimiser.register_step_pre_hook(
        lambda *_: found.append(torch.cat([weight.grad.flatten() for weight in training.network.parameters()]))
    )
    training.network.train()
    for step, batch in enumerate(batches.of_epoch(0)):
        train_step(training, batch, step, len(batches))
    return found


def test_an_update_of_small_batches_is_that_of_the_large_one(tiny_cases, tmp_path):
    large = gradients(settings_of(tiny_cases, tmp_path / "large", 4))
    small = gradients(settings_of(tiny_cases, tmp_path / "small", 1, accumulate=4))
    assert len(large) == len(small) == 2
    for one, other in zip(large, small, strict=True):
        assert one.norm() > 1e-3
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


def test_places_of_steps():
    places = [Place(step, 5, 2) for step in range(5)]
    assert [place.is_first for place in places] == [True, False, True, False, True]
    assert [place.is_last for place in places] == [False, True, False, True, True]
    assert [place.together for place in places] == [2, 2, 2, 2, 1]
    assert [place.updates(2) for place in places] == [6, 6, 7, 7, 8]
    alone = Place(3, 5)
    assert (alone.is_first, alone.is_last, alone.together, alone.updates(1)) == (True, True, 1, 8)


def test_the_norm_that_is_clipped_is_that_of_the_update(tiny_cases, tmp_path):
    unclipped = gradients(settings_of(tiny_cases, tmp_path / "a", 1, accumulate=3, gradient_clip=None))
    clipped = gradients(settings_of(tiny_cases, tmp_path / "b", 1, accumulate=3, gradient_clip=1e-3))
    assert all(each.norm() > 2e-3 for each in unclipped)
    assert [each.norm().item() for each in clipped] == pytest.approx([1e-3] * 3, rel=1e-3)


def test_more_than_an_epoch_has_is_one_update_an_epoch(tiny_cases, tmp_path):
    (of_all,) = gradients(settings_of(tiny_cases, tmp_path / "more", 2, accumulate=99))
    (of_large,) = gradients(settings_of(tiny_cases, tmp_path / "large", 8))
    torch.testing.assert_close(of_all, of_large, rtol=1e-4, atol=1e-6)

"""In float16 a step without a finite gradient is skipped; one after another they end the training."""

import pytest
import torch

from ramify.data.loading_settings import LoadingSettings
from ramify.models.settings import ModelSettings
from ramify.training.loop import batches_of
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from ramify.training.state import set_up
from ramify.training.step import MOST_SKIPPED_STEPS, train_step
from tests.asked import ASKED


@pytest.fixture
def training(tiny_cases, tmp_path):
    settings = RunSettings(
        cases=tiny_cases,
        output=tmp_path,
        fold="all",
        device="cpu",
        model=ModelSettings(tasks=ASKED["binary"], levels=2, base_channels=2),
        loading=LoadingSettings(batch_size=1, samples_per_epoch=1, patch_size=(8, 8, 8), workers=0),
        train=TrainSettings(epochs=1, average=0.9),
        validation=ValidationSettings(every=1),
    )
    training, _ = set_up(settings)
    # Its scaler, as on a GPU; no CPU trains in it.
    training.scaler = torch.amp.GradScaler("cpu", enabled=True)
    return training


def weights_of(training):
    networks = (training.network, training.average.network)
    return torch.cat([weight.detach().flatten() for network in networks for weight in network.parameters()])


def test_a_step_is_skipped_and_too_many_in_a_row_end_it(training):
    (batch,) = batches_of(training).of_epoch(0)
    first = next(training.network.parameters())

    def overflow():
        return first.register_hook(lambda gradient: gradient * torch.inf)

    overflows, before = overflow(), weights_of(training)
    looks = [train_step(training, batch, 0, 1) for _ in range(3)]
    assert [each["float16/skipped"].item() for each in looks] == [1.0] * 3
    assert [each["float16/scale"].item() for each in looks] == [2.0**15, 2.0**14, 2.0**13]
    assert torch.equal(weights_of(training), before)

    overflows.remove()
    assert train_step(training, batch, 0, 1)["float16/skipped"].item() == 0.0
    moved = weights_of(training)
    assert not torch.equal(moved, before)

    overflow()
    for _ in range(MOST_SKIPPED_STEPS - 1):
        train_step(training, batch, 0, 1)
    with pytest.raises(ValueError, match=r"not finite in 30 steps in a row, though float16 scaled it by as little as"):
        train_step(training, batch, 0, 1)
    assert torch.equal(weights_of(training), moved)

"""Frozen parts stay as they are, bit for bit, and then train as all others."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from ramify.losses.settings import LossSettings
from ramify.models.build import build_network
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.training import loop
from ramify.training.breaks import TrainingStopped
from ramify.training.checkpoint import load_checkpoint
from ramify.training.checkpoint_record import Checkpoint
from ramify.training.distributed import Ranks
from ramify.training.freezing import Freezing, frozen_names
from ramify.training.loop import train_run
from ramify.training.network_fit import check_network
from ramify.training.run_folder import RunFolder
from ramify.training.settings import RunSettings, TrainSettings
from ramify.training.state import set_up
from tests.asked import ASKED
from tests.training.test_breaks import MODELS, asked, stopped_at
from tests.training.test_breaks import settings_of as settings_of_breaks
from tests.training.test_distributed import SCALE_OF_A_NORMED_IMAGE
from tests.two_ranks import on_two_ranks

PAPER = "the paper's, with a bank"
TOGETHER = {"schedule": "constant", "learning_rate": 1e-3, "gradients_every": 0}


def settings_of(cases: Path, output: Path, **train: Any) -> RunSettings:
    given = {"freeze": ("encoder",), "freeze_epochs": 1, "weight_decay": 0.1, "learning_rate": 1e-2, **train}
    return settings_of_breaks(cases, output, MODELS[PAPER], **given)


def moved(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, value in some.items() if not torch.equal(value, others[name])}


def state_of(folder: RunFolder) -> Checkpoint:
    return load_checkpoint(folder.checkpoint("latest"))


@pytest.mark.integration
def test_frozen_parts_stay_and_then_train(tiny_cases, tmp_path):
    """Weights by gradient and by decay, and running statistics."""
    training = set_up(settings_of(tiny_cases, tmp_path))[0]
    drawn = {name: value.clone() for name, value in training.network.state_dict().items()}
    encoder = {name for name in drawn if name.startswith("encoder.")}
    assert {name.rpartition(".")[2] for name in encoder} > {"weight", "bias", "running_mean", "running_var"}

    frozen = state_of(train_run(settings_of(tiny_cases, tmp_path / "frozen", epochs=1, schedule="constant")))
    assert moved(drawn, frozen["model"]) == drawn.keys() - encoder
    learning = {name for name, _ in training.network.named_parameters()} - encoder
    assert len(frozen["optimiser"]["state"]) == len(learning)

    settings = settings_of(tiny_cases, tmp_path / "frozen", epochs=2, schedule="constant")
    free = state_of(train_run(settings))
    # A single channel's scale is normed away: its gradient may be 0.
    assert encoder - moved(frozen["model"], free["model"]) <= {SCALE_OF_A_NORMED_IMAGE}
    counts = {name: int(value) for name, value in free["model"].items() if name.endswith("num_batches_tracked")}
    assert {name: 3 if name in encoder else 6 for name in counts} == counts
    steps = sorted({int(of["step"]) for of in free["optimiser"]["state"].values()})
    assert steps == [3, 6]


def test_what_is_frozen_computes_as_in_a_prediction(tiny_cases, tmp_path):
    training = set_up(settings_of(tiny_cases, tmp_path))[0]
    image = torch.randn(2, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    encoder = training.network.eval().encoder
    predicted = encoder(image)
    training.network.train()
    assert not torch.equal(encoder(image)[0], predicted[0])
    training.network.load_state_dict(set_up(settings_of(tiny_cases, tmp_path))[0].network.state_dict())
    training.freezing.begin_epoch(0)
    assert all(torch.equal(one, other) for one, other in zip(encoder(image), predicted))
    training.network.train()
    training.freezing.begin_epoch(1)
    assert all(module.training for module in training.network.modules())
    assert all(weight.requires_grad for weight in training.network.parameters())


@pytest.mark.integration
def test_stopped_anywhere_and_resumed_equals_uninterrupted(tiny_cases, tmp_path):
    whole = train_run(settings_of(tiny_cases, tmp_path / "whole"))
    settings = settings_of(tiny_cases, tmp_path / "stopped")
    # In the frozen epoch, in the validation at its end, and in the one after it.
    assert stopped_at(settings, (2, 4, 5, 2)) == [(0, 1), (0, 3), (1, 1), (1, 2)]
    one, other = (state_of(folder) for folder in (whole, train_run(settings)))
    assert one["history"] == other["history"]
    assert not moved(one["model"], other["model"])
    assert one["optimiser"]["state"].keys() == other["optimiser"]["state"].keys()


@pytest.mark.integration
def test_a_look_at_gradients_leaves_a_frozen_encoder_out(tiny_cases, tmp_path):
    """A look every other step, as `settings_of_breaks` has it."""
    history = state_of(train_run(settings_of(tiny_cases, tmp_path)))["history"]
    looks = [{name.split("/")[1] for name in row if name.startswith("gradient/")} for row in history]
    assert looks == [{"probabilities", "logits"}, {"probabilities", "logits", "encoder"}]


@pytest.mark.integration
def test_the_plan_says_what_is_frozen_while_it_is(tiny_cases, tmp_path):
    told: list[str] = []
    settings = settings_of(tiny_cases, tmp_path)
    with pytest.raises(TrainingStopped):
        train_run(settings, tell=told.append, stop=asked(8))
    frozen = "frozen:      encoder for the first 1 of 2 epochs; later steps take longer"
    assert frozen in told
    again: list[str] = []
    train_run(settings, tell=again.append)
    assert again
    assert frozen not in again


@pytest.mark.integration
def test_fresh_weights_that_are_frozen_are_warned_of(tiny_cases, tmp_path, capsys):
    first = train_run(settings_of(tiny_cases, tmp_path / "first"))
    parts = "of main_decoder, encoder are fresh, and stay as they were drawn until they are let go"
    assert "of encoder are fresh" in capsys.readouterr().err
    settings = settings_of(tiny_cases, tmp_path / "run", freeze=("main_decoder", "encoder"))
    deeper = settings.model.model_copy(update={"deep_supervision": 1})
    set_up(settings.model_copy(update={"model": deeper, "start_from": first.root}))
    count = len(frozen_names(set_up(settings)[0].network, settings.train))
    assert f"train.freeze: 2 of {count + 2} weights {parts}" in capsys.readouterr().err
    set_up(settings.model_copy(update={"start_from": first.root}))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("freeze", "says"),
    [
        (("encodr",), "train.freeze: unknown part 'encodr'; did you mean 'encoder'?"),
        (("head",), "train.freeze: unknown part 'head'; the network has encoder, main_decoder, scale_decoders, proj"),
        (("encoder", "main_decoder", "scale_decoders", "projections"), "are all parts of the network, and nothing"),
    ],
)
def test_parts_that_cannot_be_frozen(tiny_cases, tmp_path, freeze, says):
    settings = settings_of(tiny_cases, tmp_path, freeze=freeze)
    for look in (train_run, lambda its: check_network(its, tiny_cases)):
        with pytest.raises(ValueError, match=re.escape(says)):
            look(settings)
    assert not list(tmp_path.rglob("*.pt"))


def test_parts_without_which_no_loss_learns(tiny_cases, tmp_path):
    model = ModelSettings(
        tasks=ASKED["binary"], levels=2, base_channels=2, contrast=ContrastHeadSettings(head="shared")
    )
    loss = LossSettings(lambda_contrastive=0.0)
    settings = settings_of(tiny_cases, tmp_path, freeze=("encoder", "main_decoder"))
    with pytest.raises(ValueError, match=r"epoch 0, step 0, .*: the loss reaches no weight that learns; shorten"):
        train_run(settings.model_copy(update={"model": model, "loss": loss}))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"freeze": ["encoder"]}, "freeze: encoder for no epoch; give freeze_epochs too, or leave it out"),
        ({"freeze_epochs": 2}, "freeze_epochs: nothing to freeze; give freeze too, such as encoder"),
        (
            {"freeze": ["encoder"], "freeze_epochs": 4, "epochs": 3},
            "freeze_epochs: expected at most the 3 epochs of the training, got 4",
        ),
    ],
)
def test_what_to_freeze_and_for_how_long_go_together(given, says):
    with pytest.raises(ValidationError, match=says):
        TrainSettings.model_validate(given)


def test_weights_that_never_learn_are_not_let_go():
    network = build_network(ModelSettings(levels=1, base_channels=1), 1, 2, 2)
    held = next(network.encoder.parameters())
    held.requires_grad_(False)
    freezing = Freezing(network, TrainSettings(freeze=("encoder",), freeze_epochs=1))
    for epoch in (0, 1):
        freezing.begin_epoch(epoch)
        assert not held.requires_grad
    assert sum(not weight.requires_grad for weight in network.parameters()) == 1


def of_a_rank(rank: int, root: Path, cases: Path) -> dict[str, dict[str, torch.Tensor]]:
    """What a rank's network is after the frozen epoch alone, and after two more without a stop in between."""
    made, found = [], {}

    def remembered(*arguments: Any) -> Any:
        made.append(set_up(*arguments))
        return made[-1]

    loop.set_up = remembered  # type: ignore[assignment, attr-defined]
    for epochs in (1, 3):
        settings = settings_of(cases, root / f"rank_{rank}_{epochs}", **TOGETHER, epochs=epochs)
        loop._train(settings, Ranks(rank, 2))
        found[f"after {epochs}"] = {name: value.clone() for name, value in made[-1][0].network.state_dict().items()}
    return found


@pytest.mark.integration
@pytest.mark.usefixtures("one_thread")
def test_two_processes_freeze_and_let_go_as_one(tiny_cases, tmp_path):
    """Gradients of parts that were frozen are shared like all others once they learn."""
    ranks = on_two_ranks(of_a_rank, tmp_path, tmp_path, tiny_cases)
    for epochs in (1, 3):
        settings = settings_of(tiny_cases, tmp_path / f"alone_{epochs}", **TOGETHER, epochs=epochs)
        alone = state_of(train_run(settings))["model"]
        one, other = (of_rank[f"after {epochs}"] for of_rank in ranks)
        assert not moved(one, other)
        for name, value in alone.items():
            if name != SCALE_OF_A_NORMED_IMAGE:
                torch.testing.assert_close(one[name], value, rtol=0, atol=5e-5, msg=name)
    first, last = (ranks[0][f"after {epochs}"] for epochs in (1, 3))
    drawn = set_up(settings_of(tiny_cases, tmp_path / "drawn"))[0].network.state_dict()
    encoder = {name for name in first if name.startswith("encoder.")}
    assert moved(first, drawn) == drawn.keys() - encoder
    assert encoder - moved(first, last) <= {SCALE_OF_A_NORMED_IMAGE}

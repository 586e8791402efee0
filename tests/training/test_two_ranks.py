"""Two processes that train together: one state, one decision to stop, one gradient, whatever each of them has."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ramify.data.loading_settings import LoadingSettings
from ramify.losses.settings import LossSettings
from ramify.losses.term_settings import TERM_SETTINGS
from ramify.losses.terms import TERMS, Term
from ramify.losses.total import TotalLoss
from ramify.losses.truth import Truth
from ramify.models.build import build_network
from ramify.models.outputs import TaskOutputs
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.training import state as training_state
from ramify.training.breaks import TrainingStopped
from ramify.training.distributed import Ranks
from ramify.training.gradients import term_gradients
from ramify.training.inference_settings import InferenceSettings
from ramify.training.loop import _train, train_run
from ramify.training.opening import open_together
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from tests.asked import asked, counts_of
from tests.two_ranks import on_two_ranks

pytestmark = pytest.mark.integration


def settings_of(cases: Path, output: Path, **train: Any) -> RunSettings:
    return RunSettings(
        cases=cases,
        output=output,
        device="cpu",
        resume=True,
        model=ModelSettings(levels=2, base_channels=2, contrast=ContrastHeadSettings(head="per_scale")),
        loading=LoadingSettings(batch_size=2, samples_per_epoch=4, patch_size=(8, 8, 8)),
        inference=InferenceSettings(window=(16, 16, 16)),
        loss=LossSettings.model_validate({"lambda_scales": [0.5], "anchors": {"cap": 8, "bank": 12}}),
        train=TrainSettings.model_validate({"epochs": 1, "precision": "bfloat16", **train}),
        validation=ValidationSettings(every=9, figures_every=9),
    )


class Pixelwise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.encoder.weight, 0.7)

    def forward(self, image: torch.Tensor) -> TaskOutputs:
        return TaskOutputs(self.encoder(image), ())


def looks(part: slice) -> dict[str, float]:
    """Of two samples, or of one of them; the second has no vessel, and with it a term that is constant there."""
    TERM_SETTINGS["seldom"] = None
    TERMS["seldom"] = Term(lambda task, _: task.probabilities.sum() * 0.1 if task.target.any() else torch.zeros(()))
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 1, 8, 8, generator=generator)
    labels = (torch.rand(2, 8, 8, generator=generator) < 0.3).long()
    labels[1] = 0
    network = Pixelwise()
    settings = LossSettings.model_validate({"main": {"dice": 1.0, "cross_entropy": 1.0, "seldom": 1.0}})
    loss = TotalLoss(settings, asked("binary", 1), counts_of(3, 1))
    truth = Truth(labels[part], labels[part] > 0)
    try:
        return term_gradients(loss, network(image[part]), truth, network)
    finally:
        del TERMS["seldom"], TERM_SETTINGS["seldom"]


def with_idle_weights(*arguments: Any) -> nn.Module:
    network = build_network(*arguments)
    network.idle = nn.Linear(2, 2)
    return network


def opened(settings: RunSettings, ranks: Ranks) -> object:
    try:
        state = open_together(settings, ranks)[1]
    except ValueError as error:
        return str(error)
    return None if state is None else state["epoch"]


def work_of_a_rank(rank: int, root: Path, cases: Path) -> dict[str, Any]:
    ranks = Ranks(rank, 2)
    found: dict[str, Any] = {"looks": looks(slice(rank, rank + 1))}
    for owner in (0, 1):
        settings = settings_of(cases, root / f"owner_{owner}" / f"machine_{rank}")
        found[f"opened, owner {owner}"] = opened(settings, ranks)
    training_state.build_network = with_idle_weights  # type: ignore[assignment, attr-defined]
    settings = settings_of(cases, root / "trained" / f"machine_{rank}", epochs=3)
    questions = iter([None, None, None, "told to"])
    try:
        _train(settings, ranks, None, lambda: next(questions) if rank else None)
    except TrainingStopped as error:
        found["stopped"] = str(error)
    found["left"] = [path.name for path in sorted((root / "trained" / f"machine_{rank}").rglob("*.pt"))]
    # What the other machine has is not looked at: the first one's state is everybody's.
    run, state = training_state.set_up(settings, ranks)
    assert state is not None
    training_state.restore(run, state)
    found["resumed at"] = run.epoch, run.step
    found["resumed"] = {name: value.clone() for name, value in run.network.state_dict().items()}
    _train(settings, ranks, None, None)
    return found


@pytest.fixture(scope="module")
def found(tiny_cases, tmp_path_factory) -> list[dict[str, Any]]:
    """What each of two ranks found."""
    root = tmp_path_factory.mktemp("ranks")
    trained = train_run(settings_of(tiny_cases, root / "alone"))
    for owner in (0, 1):
        for machine in (0, 1):
            shutil.copytree(trained.root.parent, root / f"owner_{owner}" / f"machine_{machine}")
        shutil.rmtree(root / f"owner_{owner}" / f"machine_{1 - owner}" / "fold_0" / "checkpoints")
    return on_two_ranks(work_of_a_rank, root, root, tiny_cases)


def test_norms_and_cosines_are_those_of_the_whole_batch(found):
    whole = looks(slice(0, 2))
    assert found[0]["looks"] == found[1]["looks"]
    assert found[0]["looks"].keys() == whole.keys()
    for name, value in whole.items():
        if "seldom" not in name:  # of one sample alone, where the other process has none: not a mean over the batch
            assert found[0]["looks"][name] == pytest.approx(value, rel=1e-5), name


def test_the_first_machines_state_is_everybodys(found):
    assert [of_rank["opened, owner 0"] for of_rank in found] == [1, 1]


def test_a_checkpoint_that_the_first_machine_lacks_is_no_reason_to_begin_anew(found):
    for of_rank in found:
        assert "process 1 has a checkpoint of epoch 1 there, the first process" in of_rank["opened, owner 1"]


def test_all_stop_where_one_is_told_to_and_go_on_as_one(found):
    """In bfloat16, with weights that no loss reaches, and an output folder a machine."""
    assert found[0]["stopped"].endswith("(another process was asked to stop)")
    assert found[1]["stopped"].endswith("(told to)")
    assert [of_rank["left"] for of_rank in found] == [["latest.pt"], []]
    assert [of_rank["resumed at"] for of_rank in found] == [(1, 1), (1, 1)]
    one, other = (of_rank["resumed"] for of_rank in found)
    assert all(torch.equal(value, other[name]) for name, value in one.items())

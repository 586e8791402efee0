"""What a training tells while it goes, and what its plan says of its network."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from ramify.models.build import build_network
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.tasks.formulation import Tasks
from ramify.training import course
from ramify.training.course import Course
from ramify.training.plan import _network, validations_left
from tests.asked import ASKED


def training_of(*, writes: bool = True, epochs: int = 4, every: int = 2) -> Any:
    settings = SimpleNamespace(train=SimpleNamespace(epochs=epochs), validation=SimpleNamespace(every=every))
    timing = SimpleNamespace(
        step_seconds=None,
        validation_seconds=30.0,
        peak=lambda: ("device", 5_300_000_000),
        begin_epoch=lambda: None,
        step_done=lambda: None,
    )
    ranks = SimpleNamespace(writes=writes)
    return SimpleNamespace(settings=settings, timing=timing, ranks=ranks, epoch=0, step=0, validation_cases=["a", "b"])


def test_steps_and_a_validation_are_told_once_as_soon_as_they_are_known():
    training, told = training_of(), []
    batches: Any = [None] * 100
    its = Course(training, batches, told.append)
    row, measures = {"loss/total": 0.5}, {"dice": 0.7, "dice/portal": 0.6}
    training.step = 9
    its.step_done()
    its.end_epoch(row, measures)
    assert told == []
    training.timing.step_seconds = 0.25
    for training.step in (10, 11):
        its.step_done()
    assert told == [
        "a step:      0.25 s, 5.3 GB of device memory at most; all that are left: 1 min 38 s, validations aside"
    ]
    training.epoch, training.step = 2, 0
    for _ in range(2):
        its.end_epoch(row, measures)
    assert told[1:] == ["validating:  30 s for 2 cases, 5.3 GB of device memory at most; all that is left: 1 min 20 s"]


def test_another_process_than_the_first_tells_nothing(monkeypatch):
    training, told = training_of(writes=False), []
    batches: Any = [None]
    monkeypatch.setattr(course, "progress", lambda *_: pytest.fail("a bar of another process"))
    training.timing.step_seconds = 1.0
    with Course(training, batches, told.append) as its:
        its.plan()
        its.begin_epoch()
        its.step_done()
        its.end_epoch({"loss/total": 0.5}, {"dice": 0.7})
    assert told == []


def test_the_progress_says_the_epoch_its_latest_values_and_how_far_a_validation_is(monkeypatch):
    shown: list[str] = []
    bar = SimpleNamespace(update=lambda: None, close=lambda: None, set_postfix_str=shown.append)
    monkeypatch.setattr(course, "progress", lambda *_: bar)
    training, batches = training_of(), cast(Any, [None])
    with Course(training, batches, None) as its:
        its.begin_epoch()
        its.case_validated(1)
        training.epoch = 4
        its.end_epoch({"loss/total": 0.5}, {"dice": 0.7, "dice/portal": 0.6})
    assert shown == ["epoch 1 of 4", "epoch 1 of 4, validating: 1 of 2 cases", "epoch 4 of 4, loss=0.5, dice=0.7"]


@pytest.mark.parametrize(("epoch", "left"), [(0, 3), (1, 3), (2, 2), (4, 1), (5, 0)])
def test_validations_that_are_left_include_that_of_the_last_epoch(epoch, left):
    assert validations_left(training_of(epochs=5).settings, epoch) == left


@pytest.mark.parametrize(
    ("model", "beside"),
    [
        (
            ModelSettings(tasks=ASKED["multi_task"], levels=2, contrast=ContrastHeadSettings(head="per_scale")),
            ("scale_decoders.", "projections."),
        ),
        (ModelSettings(network="unet", tasks=ASKED["binary"], levels=3, deep_supervision=2), ("deep_heads.",)),
    ],
)
def test_the_plan_counts_the_weights_of_inference_alone(model, beside):
    with torch.device("meta"):
        network = build_network(model, 1, 2, 2)
    training: Any = SimpleNamespace(
        settings=SimpleNamespace(model=model),
        network=network,
        description={"network": {"in_channels": 1, "scales": 2, "ndim": 2}},
        runner=SimpleNamespace(tasks=Tasks.of(model.tasks, 2)),
    )
    every = sum(weight.numel() for weight in network.parameters())
    aside = sum(weight.numel() for name, weight in network.named_parameters() if name.startswith(beside))
    before = torch.get_rng_state()
    assert _network(training).endswith(f" in 2D; {every:,} parameters, {every - aside:,} of them for inference")
    assert torch.equal(torch.get_rng_state(), before)
    assert 0 < aside < every

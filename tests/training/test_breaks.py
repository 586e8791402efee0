"""A training stopped between two steps, or saved amid an epoch, goes on as if it had not been."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from ramify.data.loading_settings import LoadingSettings
from ramify.losses.settings import LossSettings
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.training.breaks import Breaks, Stop, TrainingStopped
from ramify.training.checkpoint import load_checkpoint
from ramify.training.distributed import ALONE
from ramify.training.inference_settings import InferenceSettings
from ramify.training.loop import train_run
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from tests.asked import ASKED

pytestmark = pytest.mark.integration

MODELS = {
    "the paper's, with a bank": ModelSettings(
        levels=2, base_channels=2, contrast=ContrastHeadSettings(head="per_scale")
    ),
    "a head for all scales, with a bank": ModelSettings(
        tasks=ASKED["binary"], levels=2, base_channels=2, contrast=ContrastHeadSettings(head="shared")
    ),
    # Dropout draws from the global generator: it must be where it was.
    "with dropout": ModelSettings(
        network="monai:UNet",
        tasks=ASKED["binary"],
        arguments={"channels": [2, 4], "strides": [2], "norm": "batch", "dropout": 0.3},
    ),
}


def settings_of(cases: Path, output: Path, model: ModelSettings, **train: object) -> RunSettings:
    return RunSettings(
        cases=cases,
        output=output,
        fold="all",
        device="cpu",
        model=model,
        loading=LoadingSettings(batch_size=2, samples_per_epoch=6, patch_size=(8, 8, 8), workers=0),
        inference=InferenceSettings(window=(16, 16, 16)),
        loss=LossSettings.model_validate({"lambda_scales": [0.5], "anchors": {"cap": 8, "bank": 12}}),
        train=TrainSettings.model_validate({"epochs": 2, "schedule": "cosine", "gradients_every": 2, **train}),
        validation=ValidationSettings(every=1, figures_every=9),
        resume=True,
    )


def asked(times: int) -> Stop:
    """Says to stop when it is asked for the so-manieth time."""
    questions = itertools.count(1)
    return lambda: "told to" if next(questions) == times else None


def stopped_at(settings: RunSettings, questions: Sequence[int]) -> list[tuple[int, int]]:
    """Stop a training again and again, when it has asked so many times; the epoch and step that each stop saved."""
    moments = []
    for times in questions:
        with pytest.raises(TrainingStopped, match=r"latest\.pt is saved \(told to\)"):
            train_run(settings, stop=asked(times))
        state = load_checkpoint(settings.output / "fold_all" / "checkpoints" / "latest.pt")
        moments.append((state["epoch"], state["step"]))
    return moments


@pytest.mark.parametrize("name", MODELS)
def test_stopped_anywhere_and_resumed_equals_uninterrupted(tiny_cases, tmp_path, name):
    # Told what its steps take, which changes nothing.
    whole = train_run(settings_of(tiny_cases, tmp_path / "whole", MODELS[name]), tell=[].append)
    settings = settings_of(tiny_cases, tmp_path / "stopped", MODELS[name])
    # Between steps, and amid the validation of four cases.
    assert stopped_at(settings, (2, 3, 6, 2, 3)) == [(0, 1), (0, 3), (1, 2), (1, 3), (1, 3)]
    stopped = train_run(settings, stop=asked(99))
    one, other = (load_checkpoint(folder.checkpoint("final")) for folder in (whole, stopped))
    assert one["history"] == other["history"]
    different = [key for key, value in one["model"].items() if not torch.equal(value, other["model"][key])]
    assert not different
    assert torch.equal(one["rng"]["torch"], other["rng"]["torch"])
    for file in ("history.csv", "validation.csv"):
        assert (whole.root / file).read_bytes() == (stopped.root / file).read_bytes(), file
    # Measured are the steps since an epoch was gone on with.
    steps = [row["steps"] for row in stopped.read_timing(9)]
    assert (steps, [row["steps"] for row in whole.read_timing(9)]) == (["0", "0"], ["3", "3"])


def test_accumulated_averaged_and_warmed_up_it_goes_on_as_if_it_had_not_stopped(tiny_cases, tmp_path):
    """A break comes between two updates alone: of three steps, after the second and the third."""
    changes = {"accumulate": 2, "average": 0.6, "warm_up_epochs": 1, "optimiser": "sgd", "learning_rate": 0.01}
    model = MODELS["the paper's, with a bank"]
    whole = train_run(settings_of(tiny_cases, tmp_path / "whole", model, **changes))
    settings = settings_of(tiny_cases, tmp_path / "stopped", model, **changes)
    assert stopped_at(settings, (2, 2, 5, 2)) == [(0, 2), (0, 3), (1, 2), (1, 3)]
    stopped = train_run(settings, stop=asked(99))
    one, other = (load_checkpoint(folder.checkpoint("final")) for folder in (whole, stopped))
    assert one["history"] == other["history"]
    for part in ("model", "latest"):
        assert not [key for key, value in one[part].items() if not torch.equal(value, other[part][key])], part
    assert [key for key, value in one["model"].items() if not torch.equal(value, one["latest"][key])]


def test_auxiliary_tasks_in_turn_go_on_where_they_were(tiny_cases, tmp_path):
    """Three steps an epoch, two tasks: the next epoch begins with the other one."""
    model = ModelSettings(levels=2, base_channels=2, auxiliary_halvings=1, auxiliary_width=0.5)
    loss = LossSettings(lambda_scales=(0.5,), in_turn=True)

    def taking_turns(name: str) -> RunSettings:
        settings = settings_of(tiny_cases, tmp_path / name, model, accumulate=2)
        return settings.model_copy(update={"loss": loss})

    whole = train_run(taking_turns("whole"))
    assert stopped_at(taking_turns("stopped"), (2, 6)) == [(0, 2), (1, 2)]
    stopped = train_run(taking_turns("stopped"))
    one, other = (load_checkpoint(folder.checkpoint("final")) for folder in (whole, stopped))
    assert one["history"] == other["history"]
    assert not [key for key, value in one["model"].items() if not torch.equal(value, other["model"][key])]
    tracked = [int(one["model"][f"scale_decoders.{task}.blocks.0.second.1.num_batches_tracked"]) for task in (0, 1)]
    assert tracked == [3, 3]


def test_latest_is_saved_by_the_clock_and_by_the_first_rank_alone(monkeypatch):
    now, saved = [0.0], []
    monkeypatch.setattr("ramify.training.breaks.time.monotonic", lambda: now[0])
    breaks = Breaks(ALONE, 10.0, None, lambda: saved.append(now[0]), lambda: "")
    for seconds in (1, 599, 600, 700, 1199, 1200, 5000):
        now[0] = float(seconds)
        breaks.take()
    assert saved == [600.0, 1200.0, 5000.0]
    never = Breaks(ALONE, None, None, lambda: saved.append(-1.0), lambda: "")
    now[0] = 1e9
    never.take()
    assert -1.0 not in saved


def test_a_training_keeps_a_checkpoint_amid_an_epoch(tiny_cases, tmp_path):
    settings = settings_of(tiny_cases, tmp_path, MODELS["with dropout"], checkpoint_minutes=1e-9)
    latest = tmp_path / "fold_all" / "checkpoints" / "latest.pt"
    seen = []

    def look() -> str | None:
        seen.append(load_checkpoint(latest)["step"] if latest.exists() else None)
        return "enough" if len(seen) == 4 else None

    with pytest.raises(TrainingStopped):
        train_run(settings, stop=look)
    assert seen == [None, None, 1, 2]

"""A training learns, writes what it promises, and stops with a clear line where it cannot go on."""

import csv
import itertools
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from pydantic import ValidationError

from ramify.data.loading_settings import LoadingSettings
from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.settings import LossSettings
from ramify.losses.terms import TERMS, Term
from ramify.models.settings import ContrastHeadSettings, ModelSettings
from ramify.training.breaks import TrainingStopped
from ramify.training.checkpoint import load_checkpoint
from ramify.training.distributed import Ranks
from ramify.training.loop import batches_of, train_epoch, train_run
from ramify.training.run_folder import find_checkpoint
from ramify.training.settings import RunSettings, TrainSettings, ValidationSettings
from ramify.training.state import restore, set_up
from ramify.training.step import train_step
from tests.asked import ASKED


def settings_of(cases: Path, output: Path, *, formulation="multi_task", epochs=2, **changes) -> RunSettings:
    return RunSettings(
        cases=cases,
        output=output,
        device="cpu",
        model=ModelSettings(
            tasks=ASKED[formulation], levels=2, base_channels=4, contrast=ContrastHeadSettings(head="per_scale")
        ),
        loading=LoadingSettings(batch_size=2),
        loss=LossSettings(lambda_scales=(0.5,)),
        train=TrainSettings(epochs=epochs, learning_rate=3e-3, augment=False),
        validation=ValidationSettings(every=1, figures_every=2),
    ).model_copy(update=changes)


@pytest.mark.parametrize("formulation", ["binary", "multi_class"])
def test_one_head_for_all_scales_trains_without_decoders_of_theirs(tiny_cases, tmp_path, formulation):
    contrast = ContrastHeadSettings(head="shared", features="main_decoder.0")
    model = ModelSettings(tasks=ASKED[formulation], levels=2, base_channels=4, contrast=contrast)
    folder = train_run(settings_of(tiny_cases, tmp_path).model_copy(update={"model": model}))
    rows = read_csv(folder.root / "history.csv")
    assert all(math.isfinite(float(row["loss/contrastive"])) for row in rows)
    assert "contrast/within/background" in rows[0]
    assert (folder.tensorboard / "projector_config.pbtxt").exists()


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("formulation", ["multi_task", "binary", "multi_class"])
def test_a_run_folder_holds_what_it_promises(tiny_cases, tmp_path, formulation):
    seen = []
    settings = settings_of(tiny_cases, tmp_path, formulation=formulation)
    folder = train_run(settings, on_validation=lambda epoch, measures: seen.append((epoch, dict(measures))))
    assert folder.root == tmp_path / "fold_0"
    assert [epoch for epoch, _ in seen] == [0, 1]
    for name in ("latest", "best", "final"):
        state = load_checkpoint(folder.checkpoint(name))
        assert state["network"] == {"in_channels": 1, "scales": 2, "ndim": 3}
        assert state["cases"] == {"train": ["case_0", "case_1", "case_2"], "val": ["case_3"]}
        assert {"optimiser", "rng", "preprocessing", "config"} <= state.keys()
    rows = read_csv(folder.root / "history.csv")
    assert [float(row["epoch"]) for row in rows] == [0, 1]
    assert float(rows[1]["validation/dice"]) == seen[1][1]["dice"]
    assert "loss/main/dice" in rows[0]
    assert ("loss/contrastive" in rows[0]) == (formulation == "multi_task")
    assert json.loads((folder.root / "run.json").read_text(encoding="utf-8"))["cases"]["val"] == ["case_3"]
    assert list(folder.tensorboard.rglob("events*"))
    cases, times = (read_csv(folder.root / name) for name in ("validation.csv", "timing.csv"))
    assert [(float(row["epoch"]), row["case"]) for row in cases] == [(0, "case_3"), (1, "case_3")]
    assert [row["dice"] for row in cases] == [row["validation/dice"] for row in rows]
    assert [(float(row["epoch"]), row["steps"]) for row in times] == [(0, "2"), (1, "2")]
    measured = ("training_seconds", "validation_seconds", "peak_process_mb")
    assert all(float(row[name]) > 0 for row in times for name in measured)


def test_tensorboard_shows_terms_pictures_curves_and_settings(tiny_cases, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = train_run(settings_of(tiny_cases, tmp_path))
    events = EventAccumulator(str(folder.tensorboard))
    events.Reload()
    tags = events.Tags()
    assert {"loss/main/dice", "loss/scale_1/cross_entropy", "loss/contrastive", "loss/total", "learning_rate"} <= set(
        tags["scalars"]
    )
    assert {"validation/dice", "validation/cldice"} <= set(tags["scalars"])
    looks = {"above_floor", "between", "within/scale_1", "within/scale_2"}
    assert {f"contrast/{name}" for name in looks} <= set(tags["scalars"])
    assert tags["images"] == ["validation/case_3"]
    assert "config/text_summary" in tags["tensors"]
    assert "validation/precision_recall" in tags["tensors"]
    assert (folder.tensorboard / "projector_config.pbtxt").exists()


@pytest.mark.integration
def test_a_network_overfits_an_easy_case(tiny_cases, tmp_path):
    scores = []
    settings = settings_of(tiny_cases, tmp_path, epochs=12, fold="all", validation=ValidationSettings(every=12))
    settings = settings.model_copy(update={"train": settings.train.model_copy(update={"learning_rate": 1e-2})})
    train_run(settings, on_validation=lambda epoch, measures: scores.append(measures["dice"]))
    assert scores[-1] > 0.9


def test_a_second_training_does_not_overwrite_the_first(tiny_cases, tmp_path):
    settings = settings_of(tiny_cases, tmp_path, epochs=1)
    folder = train_run(settings)
    before = folder.checkpoint("final").read_bytes()
    with pytest.raises(ValueError, match=r"holds a training; add --resume"):
        train_run(settings)
    changed = settings.model_copy(update={"resume": True, "seed": 5})
    with pytest.raises(ValueError, match=r"cannot resume with another seed \(it was 0, now 5\)"):
        train_run(changed)
    assert folder.checkpoint("final").read_bytes() == before


def test_a_finished_training_can_be_prolonged(tiny_cases, tmp_path):
    settings = settings_of(tiny_cases, tmp_path, epochs=1)
    train_run(settings)
    longer = settings.model_copy(update={"resume": True, "train": settings.train.model_copy(update={"epochs": 2})})
    folder = train_run(longer)
    assert load_checkpoint(folder.checkpoint("final"))["epoch"] == 2
    # So that it can be gone on with from there, wherever it is killed.
    assert yaml.safe_load((folder.root / "config.yaml").read_text(encoding="utf-8"))["train"]["epochs"] == 2


@pytest.mark.integration
def test_final_is_of_the_last_epoch_though_there_was_an_earlier_one(tiny_cases, tmp_path):
    def epochs(count: int) -> RunSettings:
        return settings_of(tiny_cases, tmp_path, epochs=count).model_copy(update={"resume": True})

    train_run(epochs(1))
    first = (tmp_path / "fold_0" / "checkpoints" / "final.pt").read_bytes()

    def stop_after_two(epoch: int, _: object) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_run(epochs(3), stop_after_two)
    folder = train_run(epochs(2))
    assert folder.checkpoint("final").read_bytes() != first
    assert load_checkpoint(folder.checkpoint("final"))["epoch"] == 2


def test_a_step_that_is_done_cannot_be_taken_back(tiny_cases, tmp_path):
    settings = settings_of(tiny_cases, tmp_path, epochs=2).model_copy(update={"resume": True})
    questions = itertools.count(1)
    with pytest.raises(TrainingStopped):
        train_run(settings, stop=lambda: "told to" if next(questions) == 4 else None)
    shorter = settings.model_copy(update={"train": settings.train.model_copy(update={"epochs": 1})})
    with pytest.raises(ValueError, match=r"--train.epochs 1: 1 and 1 steps of the next one are done; give at least 2"):
        train_run(shorter)


def test_a_seed_that_no_generator_takes_is_refused_by_name():
    with pytest.raises(ValidationError, match=r"seed\n  Input should be less than 9223372036854775808"):
        RunSettings(cases=Path("cases"), output=Path("run"), seed=2**64)


@pytest.mark.parametrize("term", ["topo_cldice", "warping", "topograph", "betti_matching"])
def test_an_output_that_is_not_finite_reaches_no_loss_in_host_memory(tiny_cases, tmp_path, term):
    settings = settings_of(tiny_cases, tmp_path)
    terms = settings.loss.model_copy(update={"main": {"dice": 1.0, term: 1.0}})
    training, _ = set_up(settings.model_copy(update={"loss": terms}))
    batch = next(batches_of(training).of_epoch(0))
    batch["image"] = batch["image"] * torch.nan
    with pytest.raises(ValueError, match="the network's output is not finite"):
        train_step(training, batch, 0, 1)


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(tiny_cases, tmp_path, monkeypatch):
    training, state = set_up(settings_of(tiny_cases, tmp_path))
    assert state is None
    before = {name: value.clone() for name, value in training.network.state_dict().items() if "running" not in name}
    batch = {
        "image": torch.full((1, 1, 16, 16, 16), torch.nan),
        "scale_map": torch.ones(1, 16, 16, 16, dtype=torch.long),
        "tubed_skeleton": torch.ones(1, 16, 16, 16, dtype=torch.bool),
        "spacing_mm": torch.ones(1, 3),
        "class_map": None,
        "case_ids": ["case_9"],
    }
    with pytest.raises(ValueError, match=r"epoch 0, step 4, cases case_9: the network's output is not finite"):
        train_step(training, batch, 4, 6)
    batch["image"] = torch.rand(1, 1, 16, 16, 16)
    monkeypatch.setitem(TERMS, "dice", Term(lambda task, _: task.probabilities.sum() * math.inf))
    with pytest.raises(ValueError, match=r"epoch 0, step 5, cases case_9: the loss term main/dice is inf"):
        train_step(training, batch, 5, 6)
    after = training.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items() if value.is_floating_point())


def test_a_checkpoint_of_another_architecture_is_refused(tiny_cases, tmp_path):
    folder = train_run(settings_of(tiny_cases, tmp_path / "small", epochs=1))
    other = settings_of(tiny_cases, tmp_path / "other")
    training, _ = set_up(other.model_copy(update={"model": ModelSettings(levels=1, base_channels=4)}))
    with pytest.raises(ValueError, match=r"of another architecture"):
        restore(training, load_checkpoint(folder.checkpoint("final")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold": 3}, r"fold 3: .* has folds 0 to 0"),
        ({"device": "cuda"}, r"--device cuda: this machine .* has none"),
        ({"loss": LossSettings(lambda_scales=(1.0, 1.0, 1.0))}, r"lambda_scales: expected 2 weights for 2 scales"),
        ({"loading": LoadingSettings(patch_size=(6, 8, 8))}, r"multiple of 4"),
        (
            {
                "model": ModelSettings(
                    levels=2, base_channels=4, embedding_channels=1, contrast=ContrastHeadSettings(head="shared")
                )
            },
            r"model.embedding_channels: expected at least 2 to contrast 3 classes",
        ),
        ({"loss": LossSettings(lambda_scales=(0.5,), anchors=AnchorSettings(cap=3))}, r"loss.anchors.cap: .* least 4"),
    ],
)
def test_settings_that_do_not_fit_are_one_line_and_leave_nothing(tiny_cases, tmp_path, changes, message):
    if "device" in changes and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ValueError, match=message) as caught:
        train_run(settings_of(tiny_cases, tmp_path / "run", **changes))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.pt"))


def test_find_checkpoint(tiny_cases, tmp_path):
    folder = train_run(settings_of(tiny_cases, tmp_path / "run", epochs=1))
    best = folder.checkpoint("best")
    assert find_checkpoint(tmp_path / "run", "best") == best
    assert find_checkpoint(folder.root, "best") == best
    assert find_checkpoint(best, "final") == best
    (tmp_path / "run" / "fold_1").mkdir()
    with pytest.raises(ValueError, match=r"holds several folds; name one"):
        find_checkpoint(tmp_path / "run", "best")
    (tmp_path / "empty").mkdir()
    for missing in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(FileNotFoundError, match=r"no such checkpoint"):
            find_checkpoint(missing, "best")
    (tmp_path / "experiment" / "runs" / "plain").mkdir(parents=True)
    (tmp_path / "run").rename(tmp_path / "experiment" / "runs" / "plain" / "seed_0")
    with pytest.raises(FileNotFoundError, match=r"; in it there are the runs runs/plain/seed_0$"):
        find_checkpoint(tmp_path / "experiment", "best")


def test_what_only_some_steps_or_ranks_return_is_a_mean_over_those(tiny_cases, tmp_path, monkeypatch):
    class OfTwo(Ranks):
        def gathered(self, value):
            totals, counts = value
            return [(totals, counts), ({"loss": 1.0, "cosine": 9.0}, {"loss": 1, "cosine": 1})]

    training, _ = set_up(settings_of(tiny_cases, tmp_path), OfTwo())
    returned = iter([{"loss": torch.tensor(3.0), "norm": torch.tensor(2.0)}, {"loss": torch.tensor(5.0)}])
    monkeypatch.setattr("ramify.training.loop.train_step", lambda *_: next(returned))
    course: Any = SimpleNamespace(step_done=lambda: None)
    assert train_epoch(training, iter([{}, {}]), 2, course) == {"loss": 3.0, "norm": 2.0, "cosine": 9.0}

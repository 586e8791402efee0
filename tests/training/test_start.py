"""A training begins with another one's weights: what fits is taken, the rest is what it would have been."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ramify.disk.digests import fingerprint
from ramify.training.checkpoint import load_checkpoint, save_checkpoint
from ramify.training.loop import train_run
from ramify.training.run_folder import RunFolder
from ramify.training.settings import RunSettings
from ramify.training.start import start_line
from ramify.training.state import Training, set_up
from tests.asked import ASKED

MULTI_TASK = {"levels": 2, "base_channels": 2, "contrast": {"head": "per_scale"}}
BINARY = {"levels": 2, "base_channels": 2, "tasks": ASKED["binary"]}


def settings_of(cases: Path, output: Path, model: dict[str, Any] = MULTI_TASK, **more: Any) -> RunSettings:
    plain: dict[str, Any] = {
        "cases": cases,
        "output": output,
        "device": "cpu",
        "seed": 1,
        "model": model,
        "loading": {"batch_size": 2, "samples_per_epoch": 4, "patch_size": (8, 8, 8), "workers": 0},
        "inference": {"window": (16, 16, 16)},
        "loss": {"lambda_scales": [0.5], "anchors": {"cap": 8}},
        "train": {"epochs": 1},
        "validation": {"every": 9},
        **more,
    }
    return RunSettings.model_validate(plain)


@pytest.fixture(scope="module")
def first(tiny_cases: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A training of the main task alone, of seed 0, on the first three cases."""
    return train_run(settings_of(tiny_cases, tmp_path_factory.mktemp("first") / "run", BINARY, seed=0))


def altered(first: RunFolder, to: Path, **changes: Any) -> Path:
    """The checkpoint of the first training with other keys."""
    save_checkpoint(to, {**load_checkpoint(first.checkpoint("best")), **changes})
    return to


def begun(settings: RunSettings) -> Training:
    return set_up(settings)[0]


def weights(training: Training) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in training.network.state_dict().items()}


def differing(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, value in some.items() if name in others and not torch.equal(value, others[name])}


def test_what_fits_is_taken_and_the_rest_is_what_it_would_have_been(tiny_cases, tmp_path, first):
    file = first.checkpoint("best")
    fresh = weights(begun(settings_of(tiny_cases, tmp_path)))
    drawn = torch.get_rng_state()
    training = begun(settings_of(tiny_cases, tmp_path, start_from=first.root))
    assert torch.equal(torch.get_rng_state(), drawn)
    found, given = weights(training), load_checkpoint(file)["model"]
    assert given.keys() < found.keys()
    assert not differing(found, given)
    assert len(differing(fresh, given)) > 50  # so that the two could be told apart
    assert differing(found, fresh) <= given.keys()
    decoders, heads = (sum(name.startswith(part) for name in found) for part in ("scale_decoders.", "projections."))
    assert training.start == {
        "file": str(file),
        "sha256": fingerprint(file),
        "taken": len(given),
        "weights": len(found),
        "new": {"scale_decoders": decoders, "projections": heads},
    }
    assert start_line(training.start) == (
        f"{len(given)} of {len(found)} weights from {file}; new: scale_decoders ({decoders}), projections ({heads})"
    )


def test_another_fold_of_the_run_that_is_written_to_is_no_question_which(tiny_cases, tmp_path, first):
    shutil.copytree(first.root, tmp_path / "run" / "fold_0")
    settings = settings_of(tiny_cases, tmp_path / "run", BINARY, start_from=tmp_path / "run", fold="all")
    (tmp_path / "run" / "fold_all").mkdir()
    assert begun(settings).start["file"] == str(tmp_path / "run" / "fold_0" / "checkpoints" / "best.pt")
    shutil.copytree(first.root, tmp_path / "run" / "fold_1")
    with pytest.raises(ValueError, match="holds several folds; name one"):
        begun(settings)


def test_a_network_of_fewer_tasks_is_there_as_a_whole(tiny_cases, tmp_path, first):
    whole = train_run(settings_of(tiny_cases, tmp_path / "multi_task"))
    # A run with one fold; it has what the other lacks, and that is left.
    training = begun(settings_of(tiny_cases, tmp_path / "run", BINARY, start_from=tmp_path / "multi_task"))
    assert not differing(weights(training), load_checkpoint(whole.checkpoint("best"))["model"])
    assert training.start is not None
    assert start_line(training.start) == f"all {len(weights(training))} weights from {whole.checkpoint('best')}"


@pytest.mark.parametrize(
    ("model", "new"),
    [
        # The coarsest level is another one, and the decoders count from there.
        ({**BINARY, "levels": 3}, {"encoder", "main_decoder"}),
        ({**BINARY, "deep_supervision": 1}, {"main_decoder.deep_heads.0"}),
        ({**BINARY, "tasks": ASKED["multi_class"]}, {"main_decoder.head"}),
    ],
)
def test_what_is_new_is_told_by_its_part(tiny_cases, tmp_path, first, model, new):
    training = begun(settings_of(tiny_cases, tmp_path, model, start_from=first.root))
    assert training.start is not None
    assert {name.partition(".blocks.")[0] for name in training.start["new"]} == new
    assert training.start["taken"] + sum(training.start["new"].values()) == training.start["weights"]


def test_images_of_other_channels_have_a_first_layer_of_their_own(tiny_cases, tmp_path, first, capsys):
    state = load_checkpoint(first.checkpoint("best"))
    wider = {
        name: value.repeat_interleave(2, 1) if value.shape[1:2] == (1,) else value
        for name, value in state["model"].items()
    }
    widened = {name for name, value in wider.items() if value.shape != state["model"][name].shape}
    assert widened == {"encoder.blocks.0.first.0.weight", "encoder.blocks.0.shortcut.0.weight"}
    file = altered(
        first,
        tmp_path / "best.pt",
        model=wider,
        channels=["t1", "t2"],
        network={**state["network"], "in_channels": 2},
    )
    training = begun(settings_of(tiny_cases, tmp_path / "run", BINARY, start_from=file, fold="all"))
    assert training.start is not None
    assert training.start["new"] == {"encoder.blocks.0": 2}
    assert capsys.readouterr().err == (
        f"warning: {tmp_path / 'run' / 'fold_all'}: start_from {file}: it knows images that were prepared otherwise: "
        "channels was ['t1', 't2'], now ['image']\n"
    )


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (
            {**BINARY, "base_channels": 3},
            r"none of its kernels fits this network; give the same model.levels \(2\) and model.base_channels \(2\)",
        ),
        ({"network": "unet", **BINARY}, "of a resunet in 3D, and this training's network is a unet in 3D; start from"),
    ],
)
def test_weights_of_another_network_are_refused(tiny_cases, tmp_path, first, model, says):
    settings = settings_of(tiny_cases, tmp_path, model, start_from=first.root)
    with pytest.raises(ValueError, match=says) as caught:
        train_run(settings)
    assert str(caught.value).startswith(f"{first.checkpoint('best')}: ")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "fold_0").exists()


def test_weights_for_other_axes_are_refused(tiny_cases, tmp_path, first):
    state = load_checkpoint(first.checkpoint("best"))
    plane = {
        "network": {**state["network"], "ndim": 2},
        "prepared": {"shape": [16, 16], "spacing_mm": [1.0, 1.0]},
    }
    file = altered(first, tmp_path / "best.pt", **plane)
    with pytest.raises(ValueError, match="of a resunet in 2D, and this training's network is a resunet in 3D"):
        begun(settings_of(tiny_cases, tmp_path / "run", BINARY, start_from=file))


def test_other_images_and_cases_that_were_seen_are_warned_of(tiny_cases, tmp_path, first, capsys):
    state = load_checkpoint(first.checkpoint("best"))
    intensity = {**state["preprocessing"]["intensity"], "window": [0.0, 100.0]}
    # Its medians are a little off, but along y; one held-out case was trained on under another name.
    identities = {"another": state["identities"]["case_3"]}
    file = altered(
        first,
        tmp_path / "best.pt",
        preprocessing={**state["preprocessing"], "intensity": intensity},
        prepared={"shape": [16, 16, 16], "spacing_mm": [2.05, 0.5, 1.0]},
        identities=identities,
        cases={"train": ["another"], "val": []},
    )
    begun(settings_of(tiny_cases, tmp_path / "run", BINARY, start_from=file))
    about = f"warning: {tmp_path / 'run' / 'fold_0'}: start_from {file}: "
    assert capsys.readouterr().err.splitlines() == [
        f"{about}it knows images that were prepared otherwise: intensity.window was [0.0, 100.0], now [-150.0, 250.0]; "
        "voxels were 2.05 x 0.5 x 1 mm, now 2 x 1 x 1 mm",
        f"{about}by name or image it was trained on cases that are held out here (case_3): their scores will be too "
        "good",
    ]


def test_cases_that_it_did_not_see_are_no_reason_to_warn(tiny_cases, tmp_path, first, capsys):
    begun(settings_of(tiny_cases, tmp_path, BINARY, start_from=first.root))
    begun(settings_of(tiny_cases, tmp_path, BINARY, start_from=first.root, fold="all"))
    assert capsys.readouterr().err == ""


def test_heads_that_meant_another_thing_are_warned_of(tiny_cases, tmp_path, first, capsys):
    state = load_checkpoint(first.checkpoint("best"))
    model = {**state["config"]["model"], "tasks": {"main": "regions", "auxiliary": "none"}}
    classes = {"classes": {"artery": {"values": [1], "role": "vessel"}}, "regions": {"arteries": ["artery"]}}
    file = altered(first, tmp_path / "best.pt", config={**state["config"], "model": model}, classes=classes)
    begun(settings_of(tiny_cases, tmp_path / "run", BINARY, start_from=file))
    assert "its outputs were arteries and are vessels now: a head of the same shape" in capsys.readouterr().err


def test_what_is_gone_on_with_needs_the_file_no_more(tiny_cases, tmp_path, first):
    file = shutil.copy(first.checkpoint("final"), tmp_path / "weights.pt")
    settings = settings_of(tiny_cases, tmp_path / "run", start_from=file)
    folder, told = train_run(settings), list[str]()
    known = {"file": str(file), "sha256": fingerprint(first.checkpoint("final"))}
    Path(file).unlink()
    longer = settings.train.model_copy(update={"epochs": 2})
    train_run(settings.model_copy(update={"resume": True, "train": longer}), tell=told.append)
    state = load_checkpoint(folder.checkpoint("latest"))
    assert state["epoch"] == 2
    assert state["start"].items() > known.items()
    assert json.loads((folder.root / "run.json").read_text(encoding="utf-8"))["start"] == state["start"]
    config = yaml.safe_load((folder.root / "config.yaml").read_text(encoding="utf-8"))
    assert RunSettings.model_validate(config).start_from == Path(file)
    assert f"start:       {start_line(state['start'])}" in told
    for other in (None, tmp_path / "other.pt"):
        with pytest.raises(ValueError, match=r"cannot resume with another start_from \(it was '.*weights\.pt'"):
            train_run(settings.model_copy(update={"resume": True, "start_from": other}))


def test_a_training_without_a_start_says_nothing_of_one(tiny_cases, tmp_path):
    told: list[str] = []
    folder = train_run(settings_of(tiny_cases, tmp_path), tell=told.append)
    assert "start" not in load_checkpoint(folder.checkpoint("latest"))
    assert "start" not in json.loads((folder.root / "run.json").read_text(encoding="utf-8"))
    assert not [line for line in told if line.startswith(("start:", "frozen:"))]

"""Checkpoints are whole or absent, and run nothing when read."""

import pickle
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.volume import Volume
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.class_table import SINGLE
from ramify.training.checkpoint import FORMAT, load_checkpoint, save_checkpoint
from ramify.training.loop import train_run
from ramify.training.predictor import Predictor
from ramify.training.settings import RunSettings
from tests.fuzzing.checkpoints import bytes_damaged, content_damaged, equal, make_checkpoint, saved, with_a_second_part

STATE: dict[str, Any] = {
    "config": RunSettings(cases=Path("cases"), output=Path("run")).model_dump(mode="json"),
    "preprocessing": PreprocessingSettings().model_dump(mode="json"),
    "classes": SINGLE.model_dump(mode="json"),
    "channels": ["image"],
    "network": {"in_channels": 1, "scales": 3, "ndim": 2},
    "prepared": {"shape": [16, 16], "spacing_mm": [1.0, 1.0]},
    "model": {"weight": torch.arange(6.0).reshape(2, 3)},
    "epoch": 4,
}


class Bomb:
    """Runs code when unpickled."""

    def __reduce__(self):
        return (print, ("boom",))


def test_a_checkpoint_comes_back_as_it_went(tmp_path):
    path = tmp_path / "deep" / "latest.pt"
    save_checkpoint(path, STATE)
    loaded = load_checkpoint(path)
    assert loaded["epoch"] == 4
    assert torch.equal(loaded["model"]["weight"], STATE["model"]["weight"])
    assert [child.name for child in path.parent.iterdir()] == ["latest.pt"]


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, capsys):
    path = tmp_path / "bomb.pt"
    torch.save({**STATE, "format": FORMAT, "extra": Bomb()}, path)
    with pytest.raises(ValueError, match=r"bomb\.pt: refused, .* could run code"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"bomb\.pt: refused"):
        load_checkpoint(path)
    assert "boom" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.pt: ") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "latest.pt"
    save_checkpoint(path, STATE)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"latest\.pt: not a readable checkpoint"):
        load_checkpoint(path)


def test_a_file_of_another_program_is_refused(tmp_path):
    path = tmp_path / "nnunet.pth"
    torch.save({"network_weights": {}}, path)
    with pytest.raises(ValueError, match=r"nnunet\.pth: not a checkpoint of train\.py"):
        load_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt"):
        load_checkpoint(tmp_path / "nowhere.pt")


@pytest.mark.integration
def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path):
    """A process that may write only small files stands in for a full disk: the system refuses in the same place."""
    path = tmp_path / "latest.pt"
    save_checkpoint(path, STATE)
    before = path.read_bytes()
    script = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        import torch
        from ramify.command_line import run
        from ramify.training.checkpoint import save_checkpoint
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        state = {"model": {"w": torch.zeros(100000)}}
        run(lambda: save_checkpoint(Path(sys.argv[1]), state))
        """
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "latest.pt: 0.4 MB could not be written" in done.stderr
    assert path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == ["latest.pt"]


@pytest.fixture(scope="module")
def trained(tiny_cases, tmp_path_factory) -> Path:
    """The checkpoint of a tiny training."""
    return make_checkpoint(tiny_cases, tmp_path_factory.mktemp("run"))


def image() -> Volume:
    random = np.random.default_rng(0)
    return Volume(random.uniform(-100, 200, (8, 10, 12)).astype(np.float32), (2.0, 1.0, 1.0))


def probabilities_of(path: Path) -> np.ndarray:
    return Predictor(path, "cpu").predict(image(), None).probabilities.array


def refusal(read: Callable[[Path], Any], path: Path, what: str) -> str | None:
    """The one line a file is refused with, None where it is read."""
    try:
        read(path)
    except ValueError as error:
        line = str(error)
    else:
        return None
    assert line.startswith(f"{path}: "), what
    assert "\n" not in line, what
    return line


@pytest.mark.integration
def test_damaged_bytes_are_refused_or_change_nothing(trained, tmp_path):
    content, whole = trained.read_bytes(), load_checkpoint(trained)
    path, refused = tmp_path / "damaged.pt", 0
    for number in range(300):
        what, damaged = bytes_damaged(content, 0, number)
        path.write_bytes(damaged)
        if refusal(load_checkpoint, path, what):
            refused += 1
        else:
            assert equal(load_checkpoint(path), whole), what
    assert refused > 200


@pytest.mark.integration
def test_damaged_content_is_refused_or_changes_nothing(trained, tmp_path):
    whole = torch.load(trained, weights_only=True)
    expected = probabilities_of(trained)
    path, refused = tmp_path / "damaged.pt", 0
    for number in range(40):
        what, damaged = content_damaged(whole, 0, number)
        path.write_bytes(saved(damaged))
        if refusal(lambda path: Predictor(path, "cpu"), path, what):
            refused += 1
        else:
            np.testing.assert_allclose(probabilities_of(path), expected, atol=1e-6, err_msg=what)
    assert refused > 25


@pytest.mark.parametrize("key", ["optimiser", "scaler", "bank", "rng", "best", "history", "model"])
@pytest.mark.parametrize("value", [None, "nonsense", {"a": 1}, torch.zeros(2)], ids=["none", "text", "dict", "tensor"])
def test_a_training_goes_on_from_what_fits_alone(trained, tmp_path, key, value):
    state = torch.load(trained, weights_only=True)
    settings = RunSettings.model_validate(state["config"])
    train = settings.train.model_copy(update={"epochs": 1})
    state[key] = value
    shutil.copytree(trained.parents[1], tmp_path / "fold_0")
    save_checkpoint(tmp_path / "fold_0" / "checkpoints" / "latest.pt", state)
    resumed = settings.model_copy(update={"output": tmp_path, "resume": True, "train": train})
    with pytest.raises(ValueError, match=r"latest\.pt: ") as caught:
        train_run(resumed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda state: state["state"][0].update(exp_avg=torch.zeros(3)), r"optimiser\.state\.0\.exp_avg: expected"),
        (lambda state: state["state"][0].pop("step"), r"optimiser\.state\.0\.step: expected"),
        (lambda state: state["state"][1]["exp_avg_sq"].fill_(torch.nan), r"exp_avg_sq: holds NaN"),
        (lambda state: state["param_groups"][0]["params"].pop(), r"optimiser: of \[\d+, \d+\] weights by group"),
        (lambda state: state["param_groups"][0].pop("betas"), r"without betas"),
        (lambda state: state["param_groups"][0].update(betas="x"), r"betas is 'x', expected \(0\.9, 0\.999\)"),
        (lambda state: state["param_groups"][0].update(weight_decay=0.7), r"weight_decay is 0\.7, expected"),
        (lambda state: state["param_groups"][1].update(amsgrad=True), r"amsgrad is True, expected False"),
    ],
)
def test_an_optimiser_of_other_weights_is_refused(trained, tmp_path, spoil, message):
    state = torch.load(trained, weights_only=True)
    settings = RunSettings.model_validate(state["config"])
    spoil(state["optimiser"])
    shutil.copytree(trained.parents[1], tmp_path / "fold_0")
    save_checkpoint(tmp_path / "fold_0" / "checkpoints" / "latest.pt", state)
    with pytest.raises(ValueError, match=message) as caught:
        train_run(settings.model_copy(update={"output": tmp_path, "resume": True}))
    assert "latest.pt: " in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"best": float("nan")}, r"best: not a number"),
        ({"step": 1}, r"means: missing for the 1 steps"),
        ({"step": 99, "means": [{"sums": {"a": 9.0}, "counts": {"a": 99}}]}, r"99 steps are done of an epoch of \d+"),
        ({"bank": {"99": torch.zeros(1, 1)}}, r"anchors of '99', which is no scale"),
    ],
)
def test_progress_that_cannot_be_is_refused(trained, tmp_path, changed, message):
    state = torch.load(trained, weights_only=True)
    settings = RunSettings.model_validate(state["config"])
    longer = settings.train.model_copy(update={"epochs": settings.train.epochs + 1})
    shutil.copytree(trained.parents[1], tmp_path / "fold_0")
    save_checkpoint(tmp_path / "fold_0" / "checkpoints" / "latest.pt", state | changed)
    with pytest.raises(ValueError, match=message) as caught:
        train_run(settings.model_copy(update={"output": tmp_path, "resume": True, "train": longer}))
    assert "latest.pt: " in str(caught.value)


@pytest.mark.parametrize(
    ("part", "section", "name"),
    [
        ("preprocessing", "grid", "some_setting"),
        ("config", "loss", "some_setting"),
    ],
)
def test_a_setting_of_another_version_is_named(trained, tmp_path, part, section, name):
    state, path = torch.load(trained, weights_only=True), tmp_path / "latest.pt"
    state[part] = state[part] | {section: state[part][section] | {name: None}}
    path.write_bytes(saved(state))
    says = rf"{part}\.{section}\.{name}: this version has no such setting; use the version that wrote"
    with pytest.raises(ValueError, match=says):
        load_checkpoint(path)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_named(trained, tmp_path, value):
    state = torch.load(trained, weights_only=True)
    name = [*state["model"]][3]
    state["model"][name] = torch.full_like(state["model"][name], value, dtype=torch.float32)
    save_checkpoint(tmp_path / "nan.pt", state)
    with pytest.raises(ValueError, match=rf"nan\.pt: model\.{name}: holds NaN or infinite numbers"):
        load_checkpoint(tmp_path / "nan.pt")


def test_parts_that_torch_never_writes_are_refused(trained, tmp_path):
    content, path = trained.read_bytes(), tmp_path / "odd.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twice = with_a_second_part(content, "archive/data.pkl", b"x" * 10)
    for damaged, message in (
        (content + b"more", "something follows its end"),
        (b"more" + content, "no zip archive"),
        (twice, "two parts of one name"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=message):
            load_checkpoint(path)
    torch.save(STATE, path, _use_new_zipfile_serialization=False)
    with pytest.raises(
        ValueError, match=r"odd\.pt: refused, a bare pickle or a checkpoint in torch's form before 1\.6"
    ):
        load_checkpoint(path)


def test_a_checkpoint_without_an_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ramify.training.checkpoint_content.MOST_ENTRIES", 10_000)
    state: dict[str, Any] = {**STATE, "format": FORMAT}
    state["config"] = {**STATE["config"], "again": state}
    torch.save(state, tmp_path / "endless.pt")
    with pytest.raises(ValueError, match=r"endless\.pt: holds itself"):
        load_checkpoint(tmp_path / "endless.pt")


def test_a_tensor_larger_than_its_numbers_is_refused(tmp_path):
    save_checkpoint(tmp_path / "large.pt", {**STATE, "model": {"weight": torch.zeros(1).expand(10**12)}})
    with pytest.raises(ValueError, match=r"large\.pt: model\.weight: \(1000000000000,\) numbers are not all stored"):
        load_checkpoint(tmp_path / "large.pt")

"""train.py from the command line: bad input is one line on stderr, a non-zero exit, and nothing half-written."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ramify import predict, train
from ramify.command_line import run
from ramify.stages import train as train_stage
from ramify.training import loop
from ramify.training.run_folder import RunFolder

TINY = "model: {levels: 2, base_channels: 2}\nloss: {lambda_scales: [1.0]}\ntrain: {epochs: 1, augment: false}\n"


def call(main: Callable[[list[str]], int | None], words: list[str], capsys) -> tuple[int | str | None, str, str]:
    """Exit code, stdout and stderr of a script; progress bars apart."""
    with pytest.raises(SystemExit) as stop:
        run(lambda: main(words))
    captured = capsys.readouterr()
    shown = captured.err.replace("\r", "\n").splitlines()
    lines = [line for line in shown if line.strip() and not line.startswith("train:")]
    return stop.value.code, captured.out, "\n".join(lines)


def words_for(cases: Path, tmp_path: Path, *more: str) -> list[str]:
    config = tmp_path / "config.yaml"
    if not config.exists():
        config.write_text(TINY, encoding="utf-8")
    return ["--config", str(config), "--cases", str(cases), "--output", str(tmp_path / "run"), "--device", "cpu", *more]


def test_a_training_from_the_command_line(tiny_cases, tmp_path, capsys):
    code, out, err = call(train.main, words_for(tiny_cases, tmp_path, "--train.learning-rate", "1e-3"), capsys)
    assert (code, err) == (0, "")
    assert "no checkpoint to go on from" not in out
    assert "tensorboard --logdir" in out
    assert (tmp_path / "run" / "fold_0" / "checkpoints" / "final.pt").exists()
    # The saved settings are a configuration file again.
    saved = tmp_path / "run" / "fold_0" / "config.yaml"
    code, out, err = call(train.main, ["--config", str(saved), "--resume"], capsys)
    assert code == 0
    assert "already trained for 1 epochs" in out + err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--loss.main.soft-cldise", "1"],
            "--loss.main.soft-cldise: unknown loss term 'soft_cldise'; did you mean 'soft_cldice'?",
        ),
        (
            ["--loss.main.soft-cldice", "1"],
            "FILE with loss: {main: {dice: 1.0, cross_entropy: 1.0, soft_cldice: 1.0}}",
        ),
        (["--train.epocs", "5"], "--train.epocs: no such setting; did you mean --train.epochs?"),
        (["--train.epochs", "many"], "many"),
        (["--train.epochs", "0"], "--train.epochs: Input should be greater than or equal to 1 (got 0)"),
        (
            ["--model.tasks.main", "tissue"],
            "--model.tasks.main: expected vessels, classes, regions or scales, got 'tissue'",
        ),
        (["--model.formulation", "binary"], "it is called --model.tasks.main and --model.tasks.auxiliary"),
        (["--loss.soft-cldice.include-background", "True"], "it is called --loss.soft-cldice.complement now"),
        (["--fold", "7"], "has folds 0 to 0; choose one of these"),
        (["--splits", "nowhere.json"], "nowhere.json: no such file"),
        (["--cases", "nowhere"], "nowhere: no such case store; make it with preprocess.py"),
        (["--loading.patch-size", "6", "8", "8"], "each axis must be a multiple of 4"),
        (["--train.precision", "float16"], "float16 needs a GPU"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: no such configuration file"),
        (["--start-from", "nowhere"], "nowhere: no such checkpoint or run folder"),
        (["--train.freeze", "encoder"], "--train: freeze: encoder for no epoch; give freeze_epochs too"),
        (["--train.freeze", "encodr", "--train.freeze-epochs", "1"], "unknown part 'encodr'; did you mean 'encoder'?"),
    ],
)
def test_bad_settings(tiny_cases, tmp_path, capsys, more, message):
    code, _, err = call(train.main, words_for(tiny_cases, tmp_path, *more), capsys)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 0
    assert message in err
    assert not list(tmp_path.rglob("*.pt"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {epocs: 5}", "train.epocs: unknown key; did you mean train.epochs?"),
        ("loss: {main: {dyce: 1}}", "did you mean 'dice'?"),
        ("augmentation: {gamma: [2, 1]}", "the smaller first"),
    ],
)
def test_bad_configuration_files(tiny_cases, tmp_path, capsys, text, message):
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    code, _, err = call(train.main, words_for(tiny_cases, tmp_path), capsys)
    assert code == 2
    assert err.startswith(f"error: {tmp_path / 'config.yaml'}: ")
    assert message in err
    assert err.count("\n") == 0


def test_an_output_that_cannot_be_written(tiny_cases, tmp_path, capsys):
    (tmp_path / "run").write_text("a file where the folder should be", encoding="utf-8")
    code, _, err = call(train.main, words_for(tiny_cases, tmp_path), capsys)
    assert code == 2
    assert err.startswith("error: ")
    assert str(tmp_path / "run") in err
    assert err.count("\n") == 0


class Bomb:
    """Runs code when unpickled."""

    def __reduce__(self):
        return (print, ("boom",))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: torch.save({"format": 1, "extra": Bomb()}, path), "refused, it holds more than tensors"),
        (lambda path: path.write_bytes(b"PK\x03\x04 half a zip"), "not a readable checkpoint"),
        (lambda path: torch.save({"weights": {}}, path), "not a checkpoint of train.py"),
        (lambda path: None, "no such checkpoint"),
    ],
)
def test_bad_checkpoints(tmp_path, capsys, write, message):
    path = tmp_path / "best.pt"
    write(path)
    (tmp_path / "ct.nii.gz").write_bytes(b"")
    words = ["--checkpoint", str(path), "--input", str(tmp_path / "ct.nii.gz"), "--output", str(tmp_path / "out")]
    code, out, err = call(predict.main, words, capsys)
    assert code == 2
    assert err.startswith(f"error: {path}: ")
    assert message in err
    assert err.count("\n") == 0
    assert "boom" not in out
    assert not (tmp_path / "out").exists()


def test_to_resume_where_nothing_is_there_is_told(tiny_cases, tmp_path, capsys):
    """The run was moved, and its config.yaml still says where it was."""
    code, out, err = call(train.main, words_for(tiny_cases, tmp_path, "--resume"), capsys)
    assert (code, err) == (0, "")
    assert f"{tmp_path / 'run' / 'fold_0'}: holds no checkpoint to go on from, the training begins anew" in out


def test_a_signal_leaves_a_checkpoint_to_go_on_from(tiny_cases, tmp_path, capsys, monkeypatch):
    step = loop.train_step

    def terminated(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return step(*arguments)

    monkeypatch.setattr(loop, "train_step", terminated)
    code, _, err = call(train.main, words_for(tiny_cases, tmp_path), capsys)
    assert code == 128 + signal.SIGTERM
    monkeypatch.undo()
    folder = tmp_path / "run" / "fold_0"
    left = f"{folder}: stopped after 1 step; checkpoints/latest.pt is saved (SIGTERM)"
    command = f"python train.py --config {folder / 'config.yaml'} --resume"
    assert err.splitlines()[-1] == f"stopped by SIGTERM: {left}; go on with: {command}"
    assert not (tmp_path / "run" / "fold_0" / "checkpoints" / "final.pt").exists()
    assert (tmp_path / "run" / "fold_0" / "checkpoints" / "latest.pt").exists()
    code, out, err = call(train.main, command.split()[2:], capsys)
    assert (code, err) == (0, "")
    assert "1 epoch of 2 steps, 1 step done" in out
    assert (folder / "checkpoints" / "final.pt").exists()


def test_a_signal_before_the_first_step_leaves_nothing_and_says_so(tiny_cases, tmp_path, capsys, monkeypatch):
    set_up = loop.set_up

    def terminated(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return set_up(*arguments)

    monkeypatch.setattr(loop, "set_up", terminated)
    code, _, err = call(train.main, words_for(tiny_cases, tmp_path), capsys)
    assert code == 128 + signal.SIGINT
    said = f"{tmp_path / 'run' / 'fold_0'}: stopped before its first step, nothing was there to save (SIGINT)"
    assert err == f"stopped by SIGINT: {said}; the same command begins anew"
    assert not (tmp_path / "run").exists()


def test_an_end_at_once_says_what_there_is_of_a_training(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "a run" / "fold_0")
    assert train_stage.kept(folder) == f"{folder.root}: nothing was saved yet; the same command begins anew"
    latest = folder.checkpoint("latest")
    latest.parent.mkdir(parents=True)
    latest.touch()
    os.utime(latest, (0, 100))
    monkeypatch.setattr("ramify.stages.train.time.time", lambda: 190.0)
    config = f"--config '{folder.root / 'config.yaml'}' --resume"
    assert train_stage.kept(folder) == (
        f"{latest} is 1 min 30 s old, what came after it is lost; go on with: python train.py {config}"
    )
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert train_stage.how_to_go_on(folder) == f"go on with {config}, in as many processes"


def test_a_dry_run_tells_what_a_training_starts_from(tiny_cases, tmp_path, capsys):
    words = words_for(tiny_cases, tmp_path)
    call(train.main, words, capsys)
    first = tmp_path / "run"
    freeze = ["--train.freeze", "encoder", "--train.freeze-epochs", "1"]
    more = ["--output", str(tmp_path / "fine"), "--fold", "all", "--start-from", str(first), *freeze, "--dry-run"]
    code, out, err = call(train.main, [*words, *more], capsys)
    assert (code, err) == (0, "")
    lines = dict(line.split(":", 1) for line in out.splitlines())
    assert lines["start"].startswith("       all ")
    assert lines["start"].endswith(f" weights from {first / 'fold_0' / 'checkpoints' / 'best.pt'}")
    assert lines["frozen"] == "      encoder for the first 1 of 1 epochs"
    assert not (tmp_path / "fine").exists()


def test_a_dry_run_tells_what_was_chosen_of_the_updates(tiny_cases, tmp_path, capsys):
    chosen = ["--train.optimiser", "sgd", "--train.accumulate", "9", "--train.average", "0.9", "--dry-run"]
    code, out, err = call(train.main, words_for(tiny_cases, tmp_path, *chosen), capsys)
    assert (code, err) == (0, "")
    told = next(line for line in out.splitlines() if line.startswith("updates:"))
    assert "sgd, momentum 0.99; all " in told
    assert told.endswith(" of an epoch an update; their mean of decay 0.9 is validated and kept")


def test_a_dry_run_tells_the_training_and_what_it_takes_and_leaves_nothing(tiny_cases, tmp_path, capsys):
    cases = shutil.copytree(tiny_cases, tmp_path / "cases")
    (cases / "splits_final.json").unlink()
    words = words_for(cases, tmp_path, "--fold-count", "2", "--loading.patch-size", "8", "8", "8")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = call(train.main, [*words, "--dry-run"], capsys)
    assert (code, err) == (0, "")
    names = ["device", "cases", "samples", "augmented", "network", "validation", "output", "a step", "validating"]
    assert [line.partition(":")[0] for line in out.splitlines()] == names
    assert "2 to train on, 2 to validate (fold 0); 1 channel, 2 scales, median 16 x 16 x 16 voxels" in out
    assert "patches of 8 x 8 x 8 voxels, 2 a batch; 1 epoch of 1 step" in out
    assert sorted(tmp_path.rglob("*")) == before
    # What the training itself would refuse.
    (tmp_path / "run" / "fold_0").mkdir(parents=True)
    (tmp_path / "run" / "fold_0" / "mine.txt").touch()
    assert "what Ramify did not write (mine.txt)" in call(train.main, [*words, "--dry-run"], capsys)[2]

"""Every command on tiny data, ready to be killed: what it is started with, and what must come out of it."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from ramify.data.files import write_volume
from ramify.data.volume import Volume
from tests.synthesis.tiny import TINY

CASES = 16
"""Of two folds; eight held out are what clean_up.py takes."""
RESULT = "result"
"""In the words of a command: the folder that it writes into."""


@dataclass(frozen=True)
class Command:
    """A command line, and what it must have made in the end, whatever happened to it on the way."""

    name: str
    words: tuple[str, ...]
    outcome: Callable[[Path], Any]
    """From the folder it wrote into to plain data; equal for equal results."""
    changes: Path | None = None
    """A folder that the command writes into beside what lies there; it works on a copy."""

    def put_ready(self, result: Path) -> None:
        """Put what the command changes into the folder of its results, if it is not there."""
        if self.changes is not None and not (result / self.changes.name).exists():
            shutil.copytree(self.changes, result / self.changes.name)

    def line(self, result: Path) -> list[str]:
        """The command line that writes into `result`."""
        return [sys.executable, *(word.replace(RESULT, str(result)) for word in self.words)]


def write_raw(root: Path) -> None:
    """Pairs of a CT and its vessels: a bright cross in noise."""
    for number in range(CASES):
        noise = np.random.default_rng(number)
        vessels = np.zeros((32, 32, 32), bool)
        vessels[4:28, 6 + number : 9 + number, 14:17] = True
        vessels[14:17, 4:28, 10:12] = True
        image = (noise.normal(60, 10, vessels.shape) + 90 * vessels).astype(np.float32)
        for folder, array in (("images", image), ("labels", vessels), ("organs", np.ones_like(vessels))):
            write_volume(root / folder / f"case_{number}.nii.gz", Volume(array, (1.0, 1.0, 1.0)))


def commands(raw: Path, ready: Path) -> list[Command]:
    """All commands; `ready` holds what the later ones need of the earlier ones, see `make_ready`."""
    data_set = ("--dataset", "pairs", "--root", str(raw), "--folds.folds", "2", "--preprocessing.grid.crop", "volume")
    pairs = (*data_set, "--output", f"{RESULT}/cases")
    masks = ("--prediction", str(ready / "masks"), "--truth", str(raw / "labels"), "--output", f"{RESULT}/scores")
    shown = ("--report", f"{RESULT}/scores/report.html", "--export", f"{RESULT}/exports")
    scored = ("--results", f"first={ready / 'scores'}", f"again={ready / 'scores'}")
    training = ("--config", str(ready / "train.yaml"), "--cases", str(ready / "cases"))
    seen = ("--checkpoint", str(ready / "run"), "--input", str(raw / "images"))
    trees = ("--input", str(raw / "labels"), "--organ", str(raw / "organs"), "--output", f"{RESULT}/analysis")
    grown = ("--config", str(ready / "anatomies.yaml"), "--cases", "3", "--folds.folds", "3")
    trained = ("--checkpoint", str(ready / "run"), "--weights", "final")
    written = (
        "--onnx",
        f"{RESULT}/exports/a.onnx",
        "--bundle",
        f"{RESULT}/exports/a",
        "--slim",
        f"{RESULT}/exports/a.pt",
    )
    trials = ("--trials", "4", "--folds", "2", "--heartbeat-seconds", "1")
    study = ("--space", str(ready / "space.yaml"), "--study", "killed", *trials)
    return [
        Command("preprocess, 1 worker", ("preprocess.py", *pairs), _store),
        Command("preprocess, 2 workers", ("preprocess.py", *pairs, "--workers", "2"), _store),
        Command("train", ("train.py", *training, "--output", f"{RESULT}/run", "--fold", "0", "--resume"), _run),
        Command("clean_up", ("clean_up.py", "--run", f"{RESULT}/run"), _clean_up, changes=ready / "run"),
        Command("predict, 1 worker", ("predict.py", *seen, "--output", f"{RESULT}/masks"), _masks),
        Command(
            "predict, 2 workers, resumed",
            ("predict.py", *seen, "--output", f"{RESULT}/masks", "--resume", "--workers", "2"),
            _masks,
        ),
        Command("evaluate, 1 worker", ("evaluate.py", *masks, *shown), _scores),
        Command("evaluate, 2 workers", ("evaluate.py", *masks, *shown, "--workers", "2"), _scores),
        Command("compare", ("compare.py", *scored, "--unit", "case", "--output", f"{RESULT}/comparison"), _comparison),
        Command("analyse, 1 worker", ("analyse.py", *trees, "--report", f"{RESULT}/analysis/trees.html"), _trees),
        Command("analyse, 2 workers", ("analyse.py", *trees, "--workers", "2"), _trees),
        Command("synthesise", ("synthesise.py", *grown, "--output", f"{RESULT}/cases", "--workers", "2"), _store),
        Command("export", ("export.py", *trained, *written), _exports),
        Command(
            "tune",
            ("tune.py", *training, *study, "--workers", "2", "--output", f"{RESULT}/studies"),
            _study,
        ),
        Command(
            "experiment",
            ("experiment.py", str(ready / "experiment.yaml"), "--output", f"{RESULT}/experiments", "--workers", "2"),
            _experiment,
        ),
    ]


def make_ready(raw: Path, ready: Path, run: Callable[[list[str]], None]) -> None:
    """Raw data, and what some commands need of others: prepared cases, a training, masks, settings."""
    write_raw(raw)
    ready.mkdir(parents=True)
    training = {
        "device": "cpu",
        "model": {"levels": 2, "base_channels": 4, "contrast": {"head": "per_scale"}},
        "loading": {"batch_size": 1, "patch_size": [16, 16, 16], "samples_per_epoch": 8},
        "loss": {"lambda_scales": [1.0], "anchors": {"cap": 16}},
        "train": {"epochs": 12, "learning_rate": 0.01},
        "validation": {"every": 3, "figures_every": 6},
    }
    variants = {"contrastive": {}, "plain": {"train": {"loss.lambda_contrastive": 0.0}}}
    preparing = {"dataset": "pairs", "root": str(raw), "folds": {"folds": 2}}
    preparing["preprocessing"] = {"grid": {"crop": "volume"}}
    experiment = {
        "name": "killed",
        "preprocess": {"settings": preparing},
        "train": {"settings": training},
        "variants": variants,
        "folds": [0, 1],
        "measures": ["dice"],
        "evaluation": {"measures": ["overlap"]},
    }
    space = {"train.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}
    anatomies = {"anatomy": json.loads(json.dumps(TINY))}
    settings = {"train": training, "experiment": experiment, "space": space, "anatomies": anatomies}
    for name, content in settings.items():
        (ready / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    made = ready / "made"
    for command in commands(raw, ready):
        if command.name in ("preprocess, 1 worker", "train", "predict, 1 worker", "evaluate, 1 worker"):
            run(command.line(made))
            for folder in made.iterdir():
                shutil.move(folder, ready / folder.name)


def _store(result: Path) -> Any:
    cases = result / "cases"
    arrays = {path.relative_to(cases).as_posix(): path.read_bytes() for path in cases.rglob("*.npy")}
    return arrays, (cases / "splits_final.json").read_bytes()


def _run(result: Path) -> Any:
    fold = result / "run" / "fold_0"
    state = torch.load(fold / "checkpoints" / "final.pt", weights_only=True)
    weights = {name: tensor.numpy().tobytes() for name, tensor in state["model"].items()}
    return weights, [(fold / name).read_bytes() for name in ("history.csv", "validation.csv", "progress.png")]


def _clean_up(result: Path) -> Any:
    return (result / "run" / "clean_up.json").read_bytes(), _run(result)


def _comparison(result: Path) -> Any:
    return {path.name: path.read_bytes() for path in (result / "comparison").glob("*.csv")}


def _masks(result: Path) -> Any:
    return {path.name: path.read_bytes() for path in (result / "masks").glob("*.nii.gz")}


def _scores(result: Path) -> Any:
    exports = {path.relative_to(result).as_posix() for path in (result / "exports").rglob("*.*") if path.is_file()}
    visible = {name for name in exports if not Path(name).name.startswith(".")}
    return (result / "scores" / "metrics.csv").read_bytes(), visible, (result / "scores" / "report.html").exists()


def _trees(result: Path) -> Any:
    folder = result / "analysis"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tables = {name: (folder / name).read_bytes() for name in files if name.endswith(".csv")}
    return {name for name in files if not Path(name).name.startswith(".")}, tables


def _exports(result: Path) -> Any:
    folder = result / "exports"
    made = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file())
    slim = torch.load(folder / "a.pt", weights_only=True)
    weights = {name: tensor.numpy().tobytes() for name, tensor in slim["model"].items()}
    return [name for name in made if not Path(name).name.startswith(".")], weights


def _study(result: Path) -> Any:
    table = (result / "studies" / "killed" / "trials.csv").read_text(encoding="utf-8")
    ended = sum(f",{state}," in table for state in ("complete", "pruned"))
    return ended > 0, len({line.split(",")[0] for line in table.splitlines()[1:]}) >= 4


def _experiment(result: Path) -> Any:
    folder = result / "experiments" / "killed"
    scores = sorted(folder.rglob("metrics.json"))
    cases = {path.parent.relative_to(folder).as_posix(): json.loads(path.read_text())["cases"] for path in scores}
    return cases, (folder / "pairs.csv").read_bytes()

"""experiment.py from the command line: run, killed, resumed; bad input in a line; every shipped file is a valid one."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ramify import experiment
from ramify.command_line import parse, run
from ramify.experiments.checks import check_scales
from ramify.experiments.plan import runs_of
from ramify.experiments.runs import ending_of
from ramify.experiments.settings import ExperimentSettings
from ramify.models.build import build_network
from ramify.stages import experiment as experiment_stage
from ramify.tasks.formulation import Tasks
from ramify.vessels.scale_settings import ScaleSettings
from tests.asked import ASKED, asked

ROOT = Path(__file__).parents[1]
SHIPPED = (
    "sam_table1",
    "cldice_alpha",
    "skeleton_recall",
    "scales",
    "estimator",
    "anchors",
    "contrast",
    "balance",
    "scales_price",
)
OVERLAYS = ("", "quick", "ircadb")
BINARY = ("variants", "binary")


def tiny(**changes: Any) -> dict[str, Any]:
    """An experiment on four small phantoms: one variant is prepared otherwise than the others, and one diverges."""
    training = {
        "device": "cpu",
        "model": {"tasks": {"auxiliary": "none"}, "levels": 2, "base_channels": 2},
        "loading": {"batch_size": 1, "samples_per_epoch": 2},
        "loss": {"lambda_scales": [1.0], "anchors": {"cap": 16}},
        "train": {"epochs": 4, "learning_rate": 0.01},
        "validation": {"every": 100, "figures_every": 100},
    }
    two_scales = {"train": {"model.tasks.auxiliary": "scales"}, "preprocess": {"preprocessing.scales.quantiles": [0.5]}}
    phantoms = {"phantom": {"cases": 4, "size": [24, 24, 24], "spacing_mm": [5.0, 5.0, 5.0]}, "folds": {"folds": 2}}
    return {
        "name": "tiny",
        "preprocess": {"settings": phantoms},
        "train": {"settings": training},
        "variants": {"binary": {}, "two_scales": two_scales, "diverging": {"train": {"train.learning_rate": 1e30}}},
        "folds": [0, 1],
        "measures": ["dice", "cldice"],
        "evaluation": {"measures": ["overlap", "centreline"]},
        **changes,
    }


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def start(config: Path, output: Path, workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "experiment.py", str(config), "--output", str(output), "--workers", str(workers)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def call(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int | str | None, str, str]:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as stop:
        run(lambda: experiment.main(words))
    return stop.value.code, *capsys.readouterr()


def kill_in_the_middle(process: subprocess.Popen[str], output: Path) -> None:
    """Kill -9 as soon as one run is finished and another one has begun to train."""
    runs = output / "tiny" / "runs"
    while process.poll() is None:
        ended = {path.parent for path in runs.rglob("metrics.json") if (path.parent / "ending.json").exists()}
        begun = {path.parent.parent for path in runs.rglob("latest.pt")}
        if ended and begun - ended:
            break
        time.sleep(0.01)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    # Its workers hold the same pipes: they have ended when nobody does.
    process.communicate(timeout=60)


def stamps(output: Path) -> dict[Path, int]:
    """When the files of the finished runs were written."""
    folders = [path.parent for path in output.rglob("ending.json") if '"finished"' in path.read_text(encoding="utf-8")]
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.integration
@pytest.mark.usefixtures("cases_in_this_process")
def test_killed_and_resumed_gives_the_table_of_one_that_ran_through(tmp_path, capsys):
    config = write(tmp_path / "tiny.yaml", tiny(folds=[0], measures=["dice"], evaluation={"measures": ["overlap"]}))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    # Several at a time or one after another: the numbers are the same.
    ends = [call([str(config), "--output", str(whole), "--workers", "2"], capsys)]

    # It begins with the cases that are prepared by then: what is killed is a training.
    shutil.copytree(whole, killed, ignore=shutil.ignore_patterns("runs", "table.*", "pairs.csv"))
    interrupted = start(config, killed, workers=1)
    kill_in_the_middle(interrupted, killed)
    before = stamps(killed)
    assert before
    ends.append(call([str(config), "--output", str(killed)], capsys))
    for code, out, err in ends:
        # One variant diverges: the others go on, and the exit code says so.
        assert code == 1, err
        failures = [line for line in err.splitlines() if line.startswith("failed: ")]
        assert len(failures) == 1, err
        assert "failed: diverging, fold 0" in failures[0]
        assert "training stopped at epoch" in failures[0]
        assert "tiny: 3 variants, 1 fold x 1 seed, 2 cases; 2 of 3 runs finished" in out
        assert "Traceback" not in err
    after = stamps(killed)
    assert {path: after[path] for path in before} == before, "a finished run was done again"

    for name in ("table.csv", "pairs.csv"):
        assert (whole / "tiny" / name).read_bytes() == (killed / "tiny" / name).read_bytes()
    for path in (whole / "tiny" / "runs").rglob("history.csv"):
        assert path.read_bytes() == (killed / path.relative_to(whole)).read_bytes()
    assert (whole / "tiny" / "table.png").read_bytes()[:4] == b"\x89PNG"
    assert not [*killed.rglob("*.part"), *killed.rglob(".tmp-*")]


@pytest.mark.integration
def test_prepared_cases_taken_as_they_are(tiny_cases, tmp_path, capsys):
    splits = tmp_path / "splits.json"
    pairs = [["case_0", "case_1"], ["case_2", "case_3"]]
    splits.write_text(json.dumps([{"train": pairs[0], "val": pairs[1]}, {"train": pairs[1], "val": pairs[0]}]))
    variants = {"binary": {}, "more": {"train": {"train.learning_rate": 0.02}}}
    content = tiny(variants=variants, cases=str(tiny_cases))
    del content["preprocess"]
    content["train"]["settings"] |= {"splits": str(splits), "train": {"epochs": 1}}
    config = write(tmp_path / "taken.yaml", content)
    code, out, err = call([str(config), "--output", str(tmp_path / "out")], capsys)
    assert code == 0, err
    assert "2 variants, 2 folds x 1 seed, 4 cases; 4 of 4 runs finished" in out
    assert not (tmp_path / "out" / "tiny" / "cases").exists()
    # Now there is nothing to do, and the table is the same.
    code, again, err = call([str(config), "--output", str(tmp_path / "out")], capsys)
    assert (code, again, err) == (0, out, "")
    # Another seed: a look tells what is missing, and changes nothing.
    code, out, err = call([str(config), "--output", str(tmp_path / "out"), "--no-run", "--seeds", "0", "1"], capsys)
    assert (code, err) == (1, "")
    assert "more: 2 of 4 runs are still to do" in out
    # Other settings under the same name are refused.
    content["train"]["settings"]["train"]["epochs"] = 2
    code, _, err = call([str(write(config, content)), "--output", str(tmp_path / "out")], capsys)
    assert code == 2
    assert "was begun with other settings or cases (train.epochs was 1, now 2)" in err
    assert err.count("\n") == 1


def change(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """A function that changes one value of an experiment."""

    def apply(content: dict[str, Any]) -> None:
        for key in path[:-1]:
            content = content.setdefault(key, {})
        content[path[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            change(*BINARY, "train", value={"model.base_chanels": 4}),
            "binary, train: model.base_chanels: unknown key; did",
        ),
        (change(*BINARY, "train", value={"train.epochs": 0}), "variant binary, train: train.epochs: Input should be"),
        (change(*BINARY, "train", value={"loss.main.dyce": 1}), "did you mean 'dice'?"),
        (change(*BINARY, "preprocess", value={"phantom.cases": "x"}), "variant binary, preprocess: phantom.cases: "),
        (change(*BINARY, "preprocess", value={"phantm.cases": 3}), "phantm: unknown key; did you mean phantom?"),
        (change("variants", "two_scales", "train", "loss.lambda_scales", value=[1, 2, 3]), "expected 2 weights for 2"),
        (change("variants", value={"alone": {}}), "variants: expected at least two variants to compare"),
        (
            change("measures", value=["dise"]),
            "measures: no measure 'dise' with these evaluation settings; did you mean",
        ),
        (change("train", "configs", value=["nowhere.yaml"]), "nowhere.yaml: no such configuration file"),
        (change("train", "settings", value={"train.epochs": 1, "train": {"epochs": 2}}), "train.epochs is given twice"),
        (change("sedes", value=[1]), "sedes: unknown key; did you mean seeds?"),
        (change("folds", value=[0, 2]), "fold 2: preprocess parts the cases of binary into folds 0 to 1 (folds.folds"),
        (
            change("preprocess", "settings", "folds", value={"folds": 3}),
            "only 2 patients; ask for at most 2 (in its file, preprocess: {settings: {folds.folds: 2}} and folds",
        ),
        (change("preprocess", "settings", value={"dataset": "ircadb"}), "dataset ircadb: --root is missing"),
    ],
)
@pytest.mark.usefixtures("cases_in_this_process")
def test_bad_experiments_end_in_one_line_before_anything_is_trained(tmp_path, capsys, spoil, message):
    content = tiny()
    content["preprocess"]["settings"]["phantom"] |= {"cases": 2}
    spoil(content)
    code, _, err = call([str(write(tmp_path / "x.yaml", content)), "--output", str(tmp_path / "out")], capsys)
    assert code == 2
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not list((tmp_path / "out").rglob("*.pt"))
    if "folds 0 to" in message:
        assert not (tmp_path / "out").exists(), "the cases were prepared for nothing"


QUICK = [str(ROOT / "configs/experiments" / name) for name in ("anchors.yaml", "quick.yaml")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no experiment given: expected its YAML file"),
        (["nowhere.yaml"], "nowhere.yaml: no such configuration file"),
        (["--workers", "2"], "no experiment given"),
        ([str(ROOT / "configs/experiments/anchors.yaml"), "--wokers", "2"], "did you mean --workers"),
        (
            [*QUICK, "--preprocess.settings.nonsense", "4"],
            "a flag changes keys that are there; a file adds one, --config FILE with "
            "preprocess: {settings: {nonsense: VALUE}}",
        ),
        ([str(ROOT / "configs/experiments/anchors.yaml"), "--no-run", "--output", "nowhere"], "no such case store"),
    ],
)
def test_bad_command_lines(words, message, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    code, _, err = call(words, capsys)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_experiments_are_valid(name, overlay, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    files = [f"configs/experiments/{file}.yaml" for file in (name, overlay) if file]
    words = [word for file in files for word in ("--config", file)]
    settings = parse(ExperimentSettings, "", [*words, "--output", str(tmp_path)])
    preparations, trainings = experiment_stage.preparations_of(settings), experiment_stage.trainings_of(settings)
    for variant, training in trainings.items():
        command = preparations[settings.store_of(variant)]
        check_scales(variant, training, command.preprocessing.scales.n_scales)
        # Scores are made once, after the last epoch.
        assert training.validation.every >= training.train.epochs
    assert settings.name == name
    # Variants differ in what is trained or in what it is trained on.
    assert len({repr((trainings[variant], settings.store_of(variant))) for variant in trainings}) == len(trainings)
    commands = list(preparations.values())
    real = overlay == "ircadb"
    assert {command.dataset for command in commands} == {"ircadb" if real else "phantom"}
    assert {training.train.epochs for training in trainings.values()} == {2000 if real else 3 if overlay else 32}
    assert max(settings.folds) < commands[0].folds.folds == len(settings.folds)
    runs = list(runs_of(settings, trainings, None))
    assert len(runs) == len(trainings) * len(settings.folds) * len(settings.seeds)
    assert all(ending_of(run) is None for run in runs)


@pytest.mark.parametrize("overlay", ["", "quick_2d"])
@pytest.mark.parametrize("name", ["drive", "reassessment", "skeleton_recall_networks"])
def test_shipped_experiments_on_drive_are_valid(name, overlay, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    files = [
        f"configs/experiments/{file}.yaml" for file in ("table_drive" if name == "drive" else name, overlay) if file
    ]
    words = [word for file in files for word in ("--config", file)]
    settings = parse(ExperimentSettings, "", [*words, "--output", str(tmp_path), "--root", "DRIVE"])
    preparations, trainings = experiment_stage.preparations_of(settings), experiment_stage.trainings_of(settings)
    assert settings.name == name
    for variant, training in trainings.items():
        check_scales(variant, training, preparations[settings.store_of(variant)].preprocessing.scales.n_scales)
        assert training.validation.every >= training.train.epochs
        if training.model.network != "hrnet" or importlib.util.find_spec("timm"):
            assert build_network(training.model, 1, 3, 2), "for pictures"
    assert len({repr(training) for training in trainings.values()}) == len(trainings)
    (command,) = preparations.values()
    assert command.folds.test
    assert command.folds.folds == len(settings.folds)
    assert len(list(runs_of(settings, trainings, None))) == len(trainings) * len(settings.folds)


def test_what_the_shipped_variants_are(monkeypatch):
    monkeypatch.chdir(ROOT)

    def shipped(name: str) -> tuple[ExperimentSettings, dict[str, Any]]:
        settings = parse(ExperimentSettings, "", ["--config", f"configs/experiments/{name}.yaml"])
        return settings, experiment_stage.trainings_of(settings)

    _, table1 = shipped("sam_table1")
    named = ["binary", "multi_class", "multi_task", "multi_task"]
    assert [asked(name, 3) for name in named] == [Tasks.of(training.model.tasks, 3) for training in table1.values()]
    assert [training.loss.lambda_contrastive for training in table1.values()][2:] == [0.0, 0.53]
    _, alpha = shipped("cldice_alpha")
    weights = [training.loss.main for training in alpha.values()]
    assert [each.get("soft_cldice", 0) for each in weights] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert all(each["dice"] + each.get("soft_cldice", 0) == pytest.approx(1) for each in weights)
    assert all(each["cross_entropy"] == 0 for each in weights)
    _, recall = shipped("skeleton_recall")
    assert [training.loss.main.get("skeleton_recall") for training in recall.values()] == [None, 0.1, 1.0, None, None]
    settings, _ = shipped("scales")
    commands = experiment_stage.preparations_of(settings)
    counts = [commands[settings.store_of(name)].preprocessing.scales.n_scales for name in settings.variants]
    assert counts == [3, 1, 2, 4, 5]
    settings, training = shipped("scales")
    assert all(
        sum(training[name].loss.scale_weights(count)) == pytest.approx(1.8) for name, count in zip(training, counts)
    )
    settings, _ = shipped("estimator")
    commands = experiment_stage.preparations_of(settings)
    estimators = [commands[settings.store_of(name)].preprocessing.scales for name in settings.variants]
    assert estimators == [ScaleSettings(estimator="paper"), ScaleSettings(estimator="volume")]
    _, recall = shipped("skeleton_recall")
    usual = {"dice": 1.0, "cross_entropy": 1.0}
    added = [("skeleton_recall", 0.1), ("skeleton_recall", 1.0), ("soft_cldice", 0.1), ("soft_cldice", 1.0)]
    assert [its.loss.main for its in recall.values()] == [usual, *({**usual, term: weight} for term, weight in added)]
    _, balance = shipped("balance")
    assert [set(its.loss.main) - set(usual) for its in balance.values()] == [
        *(set(), {"skeleton_recall"}, {"skeleton_recall"}, set(), {"soft_cldice"}, {"soft_cldice"})
    ]
    assert all(set(usual) <= set(its.loss.main) for its in balance.values())
    of_terms = [
        [own.skeleton_recall.balance, own.dice.balance, own.soft_cldice.balance]
        for own in [its.loss for its in balance.values()]
    ]
    assert ["".join(word[0] for word in words) for words in of_terms] == ["nnn", "nnn", "snn", "nsn", "nnn", "nns"]
    _, anchors = shipped("anchors")
    assert [training.loss.anchors.mode for training in anchors.values()] == ["dense", "masked", "pooled", "dense"]
    assert [training.loss.anchors.bank > 0 for training in anchors.values()] == [False, False, False, True]
    _, contrast = shipped("contrast")
    assert [training.model.contrast.head for training in contrast.values()] == ["none", "per_scale", "shared", "shared"]
    assert [training.model.contrast.features for training in contrast.values()][2:] == ["encoder.1", "main_decoder.0"]
    assert {training.model.tasks for training in contrast.values()} == {ASKED["multi_task"]}


def test_what_an_experiment_prepares_is_written_down_and_not_chosen():
    chosen = {"binary": {}, "two_scales": {"preprocess": {"auto": True}}}
    settings = ExperimentSettings.model_validate(tiny(variants=chosen))
    with pytest.raises(ValueError, match="variant two_scales, preprocess: auto: an experiment says what it prepares"):
        experiment_stage.preparations_of(settings)

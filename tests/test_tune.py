"""tune.py from the command line: a small study, gone on with; bad input is one line on stderr before any trial."""

import csv
import sqlite3
from pathlib import Path

import pytest

from ramify import train, tune
from ramify.command_line import run
from ramify.stages import tune as tune_stage
from ramify.training.checkpoint import load_checkpoint
from ramify.tuning import storage
from ramify.tuning.interruption import Interruption
from ramify.tuning.settings import StudySettings
from ramify.tuning.trials import Standing
from ramify.tuning.workers import work

CONFIG = """
device: cpu
model: {levels: 1, base_channels: 1}
loading: {batch_size: 1}
loss: {lambda_scales: [1.0], anchors: {cap: 8}}
train: {epochs: 2, augment: false}
validation: {every: 1, figures_every: 100}
"""
SPACE = "loss.temperature: {low: 0.1, high: 1.0}\n"


def call(main, words: list[str], capfd) -> tuple[int | str | None, str, str]:
    """Exit code, stdout and stderr of a script; progress bars apart."""
    bars = ("study tiny: ", "train: ")
    with pytest.raises(SystemExit) as stop:
        run(lambda: main(words))
    captured = capfd.readouterr()
    lines = [line for line in captured.err.replace("\r", "\n").splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(bars)]
    return stop.value.code, captured.out, "\n".join(lines)


def words_for(cases: Path, folder: Path, *more: str, space: str = SPACE, study: str = "tiny") -> list[str]:
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "space.yaml").write_text(space, encoding="utf-8")
    words = ["--config", str(folder / "config.yaml"), "--space", str(folder / "space.yaml"), "--study", study]
    return [*words, "--cases", str(cases), "--output", str(folder), "--trials", "2", "--folds", "2", *more]


@pytest.fixture(autouse=True)
def _one_process(monkeypatch):
    """The worker works in this process: a new one takes seconds to load torch. tests/tuning has real ones."""

    def work_here(settings, space, watch, earlier) -> None:
        opened = storage.open_storage(settings.storage_url, settings.heartbeat_seconds, settings.retries)
        work(settings, space, opened, Interruption(), earlier)

    monkeypatch.setattr(tune_stage, "run_workers", work_here)


def trials_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.integration
def test_a_study_and_going_on_with_it(tiny_cases, tmp_path, capfd):
    code, out, err = call(tune.main, words_for(tiny_cases, tmp_path), capfd)
    assert (code, err) == (0, "")
    study = tmp_path / "tiny"
    assert f"python train.py --config {study / 'best.yaml'}" in out
    assert "study tiny: 2 inner folds of 3 cases" in out
    first = trials_of(study)
    assert [row["state"] for row in first] == ["complete", "complete"]
    assert first[0]["loss.temperature"] == "0.94", "the configuration itself comes first"

    code, out, err = call(tune.main, words_for(tiny_cases, tmp_path, "--trials", "3"), capfd)
    assert (code, err) == (0, "")
    rows = trials_of(study)
    assert len(rows) == 3, "three in all, not three more"
    assert rows[:2] == first
    assert "trial 2: " in out
    assert "trial 1: " not in out
    assert {path.name for path in (study / "figures").iterdir()} >= {"history.png", "slices.png"}

    best = max(rows, key=lambda row: float(row["dice"]))
    code, _, _ = call(train.main, ["--config", str(study / "best.yaml")], capfd)
    assert code == 0
    state = load_checkpoint(study / "best" / "fold_0" / "checkpoints" / "final.pt")
    assert state["config"]["loss"]["temperature"] == float(best["loss.temperature"])
    assert state["cases"]["val"] == ["case_3"], "validated on the case that the study never saw"


@pytest.mark.parametrize(
    ("more", "space", "message"),
    [
        (["--trials", "0"], SPACE, "--trials: Input should be greater than or equal to 1 (got 0)"),
        (["--workers", "0"], SPACE, "greater than or equal to 1"),
        (["--study", "a/b"], SPACE, "names a folder"),
        (["--objective", "dyce"], SPACE, "dice"),
        (["--folds", "9"], SPACE, "folds: 9 asked for, but there are only 3 patients"),
        (["--space", "nowhere.yaml"], SPACE, "nowhere.yaml: no such configuration file"),
        (["--storage", "study.db"], SPACE, "--storage study.db: not a database URL"),
        (["--cases", "nowhere"], SPACE, "nowhere: no such case store"),
        ([], "loss.temperatur: {low: 0.1, high: 1}", "loss.temperatur: unknown key; did you mean loss.temperature?"),
        ([], "loss.temperature: {low: -1, high: 1}", "loss.temperature: Input should be greater than or equal"),
        ([], "loss.lambda_scales.2: {low: 0, high: 1}", "loss.lambda_scales has 1 elements, 0 to 0"),
        ([], "- 1\n", "space.yaml: expected keys with values, got list"),
    ],
)
def test_bad_input(tiny_cases, tmp_path, capfd, more, space, message):
    code, _, err = call(tune.main, words_for(tiny_cases, tmp_path, *more, space=space), capfd)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 0
    assert message in err
    assert not list(tmp_path.rglob("*.pt"))
    assert not list(tmp_path.rglob("*.db"))


def test_a_locked_database(tiny_cases, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(storage, "LOCK_WAIT_SECONDS", 0.1)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    storage.open_storage(url, 1, 1).engine.dispose()
    other = sqlite3.connect(tmp_path / "study.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    code, _, err = call(tune.main, words_for(tiny_cases, tmp_path, "--storage", url), capfd)
    other.close()
    assert code == 2
    assert err.startswith(f"error: --storage {url}: database is locked")
    assert err.count("\n") == 0


def test_trials_that_cannot_work_end_the_study_with_their_reason(tiny_cases, tmp_path, capfd):
    """The cases have two scales: two weights fit, and three do not; no trial could run."""
    words = words_for(tiny_cases, tmp_path, "--loss.lambda-scales", "1", "1", "1", "--trials", "9")
    code, out, err = call(tune.main, words, capfd)
    assert code == 2
    assert "none of 3 trials was completed (lambda_scales: expected 2 weights for 2 scales" in err.splitlines()[-1]
    assert out.count("failed: lambda_scales: expected 2 weights") == 3
    assert [row["state"] for row in trials_of(tmp_path / "tiny")] == ["fail"] * 3
    # Another call tries again: what was wrong may have been put right.
    code, out, _ = call(tune.main, words, capfd)
    assert code == 2
    assert [row["state"] for row in trials_of(tmp_path / "tiny")] == ["fail"] * 6


def test_a_study_without_an_ended_trial_is_told_in_a_line(tmp_path):
    settings = StudySettings.model_validate(
        {"cases": tmp_path, "output": tmp_path, "space": tmp_path / "space.yaml", "study": "tiny", "trials": 2}
    )
    with pytest.raises(ValueError, match=r"study tiny: none of 0 trials was completed \(none ended\)"):
        tune_stage.conclude(settings, Standing(()), [], found=False, drawn=False)

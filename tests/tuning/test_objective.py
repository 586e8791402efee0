"""A trial's score, its interruptions and its failures; trainings are formulas where they need not be real."""

import math
import shutil
from pathlib import Path

import optuna
import pytest
import torch
import yaml

from ramify.data.case_store import list_cases
from ramify.disk.json_files import read_json
from ramify.training.checkpoint import load_checkpoint
from ramify.tuning import objective
from ramify.tuning.interruption import Interruption
from ramify.tuning.objective import TrialFailed, run_trial
from ramify.tuning.settings import StudySettings
from ramify.tuning.trials import queue_again
from tests.tuning.tiny_studies import FakeTraining, InterruptedAt, opened


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def rises(settings, epoch: int) -> float:
    """Dice of the fold at an epoch: 0.1 … in the first fold, 0.2 … in the second."""
    return 0.1 * (1 + settings.fold) + 0.01 * epoch


def run_one(
    settings: StudySettings, study: optuna.Study, space, interruption: Interruption | None = None
) -> optuna.trial.FrozenTrial:
    """The trial that was run next, as the study has it; an interruption queues it again, as a worker does."""
    before = len(study.get_trials(states=(optuna.trial.TrialState.WAITING,)))
    try:
        study.optimize(
            lambda trial: run_trial(trial, settings, space, lambda: None, interruption or Interruption()),
            n_trials=1,
            catch=(TrialFailed,),
        )
    except KeyboardInterrupt:
        queue_again(study, [trial for trial in study.trials if trial.state is optuna.trial.TrialState.FAIL][-1].number)
    assert before <= 1
    return [trial for trial in study.trials if trial.state is not optuna.trial.TrialState.WAITING][-1]


def test_the_score_is_the_mean_of_the_last_validations(settings_of, monkeypatch):
    training = FakeTraining(rises)
    monkeypatch.setattr(objective, "train_run", training)
    settings = settings_of()
    trial = run_one(settings, *opened(settings)[:2])
    # Last epochs: 0.12 and 0.22. Steps count on over the folds; each reports the mean of the folds so far.
    assert trial.value == pytest.approx(0.17)
    expected = {0: 0.10, 1: 0.11, 2: 0.12, 3: (0.12 + 0.20) / 2, 4: (0.12 + 0.21) / 2, 5: (0.12 + 0.22) / 2}
    assert trial.intermediate_values == pytest.approx(expected)
    assert training.epochs == [("trial_0000", fold, epoch) for fold in (0, 1) for epoch in (0, 1, 2)]
    reached = trial.user_attrs["reached"]
    assert reached.pop("seconds") >= 0  # rounded: nothing on a quick machine
    assert reached == pytest.approx({"fold": 1, "epoch": 2, "dice": 0.17, "cldice": 0.83})


@pytest.mark.parametrize(("chosen", "values"), [("cldice", [0.83]), ("both", [0.17, 0.83])])
def test_other_objectives(settings_of, monkeypatch, chosen, values):
    monkeypatch.setattr(objective, "train_run", FakeTraining(rises))
    settings = settings_of(objective=chosen)
    assert run_one(settings, *opened(settings)[:2]).values == pytest.approx(values)


@pytest.mark.parametrize(("every", "interrupted_at"), [(1, 0), (1, 2), (1, 3), (1, 5), (2, 1), (2, 3)])
def test_an_interrupted_trial_goes_on_from_its_checkpoint(settings_of, monkeypatch, interrupted_at, every):
    """Interrupted in the first fold, at its end, in the second and at the very end."""
    training = FakeTraining(rises)
    monkeypatch.setattr(objective, "train_run", training)
    settings = settings_of(validation={"every": every})
    study, space, _ = opened(settings)
    run_one(settings, study, space, InterruptedAt(interrupted_at))
    trial = run_one(settings, study, space)
    assert trial.state is optuna.trial.TrialState.COMPLETE
    assert trial.value == pytest.approx(0.17)
    assert len(training.epochs) == len(set(training.epochs)) == 6, "no epoch is trained twice, none is left out"
    assert {name for name, _, _ in training.epochs} == {"trial_0000"}
    steps = [0, 1, 2, 3, 4, 5] if every == 1 else [1, 2, 4, 5]
    assert sorted(trial.intermediate_values) == steps, "what was trained but not reported before is reported now"
    assert study.trials[0].state is optuna.trial.TrialState.FAIL
    assert trial.number == 1


def test_a_real_training_interrupted_ends_with_the_same_score_and_weights(settings_of):
    ends = []
    for name, interruption in (("whole", None), ("interrupted", InterruptedAt(1))):
        settings = settings_of(study=name)
        study, space, _ = opened(settings)
        trial = run_one(settings, study, space, interruption)
        if name == "interrupted":
            assert trial.state is optuna.trial.TrialState.FAIL
            run = settings.folder / "trials" / "trial_0000" / "fold_0" / "run.json"
            begun = run.stat().st_mtime_ns
            trial = run_one(settings, study, space)
            assert run.stat().st_mtime_ns == begun, "the training was begun anew"
        folds = sorted((settings.folder / "trials" / "trial_0000").iterdir())
        states = [load_checkpoint(fold / "checkpoints" / "final.pt") for fold in folds]
        lasts = [state["history"][-1]["validation/dice"] for state in states]
        assert trial.value == pytest.approx(sum(lasts) / 2)
        ends.append((trial.value, trial.intermediate_values, [state["model"] for state in states]))
        assert list((settings.folder / "tensorboard" / "trial_0000").glob("events.*"))
    assert ends[0][:2] == ends[1][:2]
    for one, other in zip(ends[0][2], ends[1][2]):
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_no_outer_validation_case_is_ever_read(settings_of, tiny_cases, tmp_path):
    store = tmp_path / "cases"
    shutil.copytree(tiny_cases, store)
    settings = settings_of(cases=store, train={"epochs": 1, "augment": False})
    study, space, _ = opened(settings)
    held_out = read_json(store / "splits_final.json")[0]["val"]
    for case_id in held_out:
        shutil.rmtree(store / case_id)  # What is gone cannot be read.
    assert list_cases(store) == sorted({case for fold in make_inner_folds_of(settings) for case in fold["train"]})
    trial = run_one(settings, study, space)
    assert trial.state is optuna.trial.TrialState.COMPLETE
    descriptions = list(settings.folder.rglob("run.json"))
    assert len(descriptions) == 2
    for path in descriptions:
        cases = read_json(path)["cases"]
        assert not set(held_out) & {*cases["train"], *cases["val"]}


def make_inner_folds_of(settings: StudySettings) -> list[dict[str, list[str]]]:
    folds: list[dict[str, list[str]]] = read_json(settings.folder / "inner_splits.json")
    return folds


def test_a_bad_trial_is_pruned_by_fold_and_epoch(settings_of, monkeypatch):
    """Six trials, each worse than the one before; the pruner's own grace of five is over for the last."""
    settings = settings_of(baseline=False, train={"epochs": 6, "augment": False})
    study, space, _ = opened(settings)
    rank = {"now": 0.9}
    training = FakeTraining(lambda run, epoch: rank["now"] + 0.001 * epoch)
    monkeypatch.setattr(objective, "train_run", training)
    for _ in range(5):
        assert run_one(settings, study, space).state is optuna.trial.TrialState.COMPLETE
        rank["now"] -= 0.1
    trial = run_one(settings, study, space)
    assert trial.state is optuna.trial.TrialState.PRUNED
    # A third of the first fold's six epochs is never judged.
    assert trial.user_attrs["reached"]["fold"] == 0
    assert trial.user_attrs["reached"]["epoch"] == 2
    assert [epoch for name, _, epoch in training.epochs if name == "trial_0005"] == [0, 1, 2]


def test_a_training_that_diverges_is_a_failed_trial_with_its_reason(settings_of):
    settings = settings_of(baseline=False, train={"epochs": 2, "augment": False, "gradient_clip": None})
    study, space, _ = opened(settings, {"train.learning_rate": {"choices": [1e30, 1e31]}})
    trial = run_one(settings, study, space)
    assert trial.state is optuna.trial.TrialState.FAIL
    assert trial.user_attrs["reason"].startswith("training stopped at epoch ")
    assert "lower train.learning_rate" in trial.user_attrs["reason"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate"), "out of memory: a smaller batch"),
        (MemoryError(), "out of memory: a smaller batch"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out of memory: a smaller batch"),
        (OSError("disk full"), "disk full"),
        (RuntimeError("odd"), "RuntimeError: odd"),
        (AssertionError(), "AssertionError: "),
    ],
)
def test_other_failures_leave_their_reason_too(settings_of, monkeypatch, error, reason):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(objective, "train_run", fail)
    settings = settings_of()
    trial = run_one(settings, *opened(settings)[:2])
    assert trial.state is optuna.trial.TrialState.FAIL
    assert trial.user_attrs["reason"].startswith(reason)
    assert "\n" not in trial.user_attrs["reason"]


def test_an_error_before_the_training_leaves_its_reason(settings_of, monkeypatch):
    settings = settings_of()
    study, space, _ = opened(settings)

    def refuse(*_: object) -> None:
        raise ValueError("CategoricalDistribution does not support dynamic value space.")

    monkeypatch.setattr(type(space), "suggest", refuse)
    trial = run_one(settings, study, space)
    assert trial.state is optuna.trial.TrialState.FAIL
    assert trial.user_attrs["reason"] == "CategoricalDistribution does not support dynamic value space."


@pytest.mark.parametrize("error", [OSError("No space left on device"), ValueError("odd")])
def test_a_log_for_tensorboard_does_not_cost_a_score(settings_of, monkeypatch, capsys, error):
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(objective, "train_run", FakeTraining(rises))
    monkeypatch.setattr(objective.Tracker, "hyperparameters", full)
    settings = settings_of()
    assert run_one(settings, *opened(settings)[:2]).value == pytest.approx(0.17)
    assert f"trial_0000: nothing for TensorBoard: {error}" in capsys.readouterr().err


def test_a_reason_does_not_name_the_trials_own_folder(settings_of, monkeypatch):
    """Else no two trials would fail for the same reason."""

    def fail(settings, _: object) -> None:
        raise ValueError(f"{settings.output / 'fold_0' / 'x.pt'}: broken")

    monkeypatch.setattr(objective, "train_run", fail)
    settings = settings_of()
    assert run_one(settings, *opened(settings)[:2]).user_attrs["reason"] == f"{Path('fold_0') / 'x.pt'}: broken"


def test_a_trial_that_was_given_to_another_worker_is_left_to_it(settings_of, monkeypatch):
    settings = settings_of()
    study, space, _ = opened(settings)

    def taken_away(run, epoch: int) -> float:
        if epoch == 1:
            study.tell(study.trials[-1].number, state=optuna.trial.TrialState.FAIL)
        return 0.5

    monkeypatch.setattr(objective, "train_run", FakeTraining(taken_away))
    with pytest.raises((ValueError, optuna.exceptions.UpdateFinishedTrialError)):
        run_one(settings, study, space)
    assert "reason" not in study.trials[0].user_attrs


def test_every_trial_is_a_run_folder_that_says_what_it_was(settings_of, monkeypatch):
    settings = settings_of(train={"epochs": 1, "augment": False})
    trial = run_one(settings, *opened(settings)[:2])
    assert math.isfinite(trial.value or math.nan)
    fold = settings.folder / "trials" / "trial_0000" / "fold_1"
    config = yaml.safe_load((fold / "config.yaml").read_text(encoding="utf-8"))
    assert config["loss"]["temperature"] == trial.params["loss.temperature"]
    assert config["splits"] == str(settings.folder / "inner_splits.json")
    assert {path.name for path in fold.iterdir()} >= {"history.csv", "run.json", "checkpoints", "tensorboard"}

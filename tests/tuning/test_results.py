import csv
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from ramify import train
from ramify.command_line import parse
from ramify.training.settings import RunSettings
from ramify.tuning.progress import Progress, best_trial
from ramify.tuning.results import write_results
from ramify.tuning.trials import standing
from tests.tuning.tiny_studies import space_for

SPACE = {
    "loss.lambda_scales.0": {"low": 0.0, "high": 1.0},
    "loss.anchors.mode": {"choices": ["dense", "masked"]},
    "loss.main.tversky": {
        "low": 0.0,
        "high": 0.5,
        "complement": ["loss.main.dice"],
        "also": ["loss.auxiliary.tversky"],
    },
}
DISTRIBUTIONS: dict[str, Any] = {
    "loss.lambda_scales.0": optuna.distributions.FloatDistribution(0, 1),
    "loss.anchors.mode": optuna.distributions.CategoricalDistribution(["dense", "masked"]),
    "loss.main.tversky": optuna.distributions.FloatDistribution(0, 0.5),
}


def study_of(*ends: tuple[float, ...] | str | None) -> optuna.Study:
    """A study whose trials ended so: with scores, with a reason to fail, or pruned (None)."""
    objectives = max((len(end) for end in ends if isinstance(end, tuple)), default=1)
    study = optuna.create_study(study_name="tiny", directions=["maximize"] * objectives)
    for number, end in enumerate(ends):
        state = "PRUNED" if end is None else "FAIL" if isinstance(end, str) else "COMPLETE"
        attributes: dict[str, Any] = {"reason": end} if isinstance(end, str) else {}
        reached = {"fold": 1, "epoch": 2, "dice": (end or (0.1,))[0], "cldice": 0.3, "seconds": 1.5}
        study.add_trial(
            optuna.create_trial(
                state=optuna.trial.TrialState[state],
                values=list(end) if isinstance(end, tuple) else None,
                params={
                    "loss.lambda_scales.0": number / 10,
                    "loss.anchors.mode": "masked",
                    "loss.main.tversky": 0.3,
                },
                distributions=DISTRIBUTIONS,
                user_attrs=attributes | ({} if isinstance(end, str) else {"reached": reached}),
            )
        )
    return study


def test_best_is_a_configuration_that_train_takes(settings_of):
    settings = settings_of()
    space = space_for(settings, SPACE)
    path = write_results(study_of((0.5,), (0.7,), None, (0.7,), "not finite"), settings, space)
    assert path == settings.folder / "best.yaml"
    found = parse(RunSettings, train.__doc__ or "", ["--config", str(path)])
    expected = space.apply(
        settings.training, {"loss.lambda_scales.0": 0.1, "loss.anchors.mode": "masked", "loss.main.tversky": 0.3}
    )
    assert found == expected.model_copy(update={"output": settings.folder / "best"})
    assert found.loss.main == {"dice": 0.7, "cross_entropy": 1.0, "tversky": 0.3}
    assert (found.fold, found.splits, found.resume) == (0, None, False), "the outer fold, not an inner one"


def test_comments_say_what_was_tuned_and_how_good_it_was(settings_of):
    settings = settings_of()
    path = write_results(study_of((0.5,), (0.71234,)), settings, space_for(settings, SPACE))
    assert path is not None
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Study tiny, trial 1: dice 0.7123; the best of 2 trials.\n")
    assert "fold 0 was held out" in text
    lines = text.splitlines()
    assert "  - 0.1  # tuned in 0 to 1" in lines
    assert "    mode: masked  # tuned among dense, masked" in lines
    assert "    dice: 0.7  # 1 - loss.main.tversky" in lines
    assert [line for line in lines if line.endswith("tversky: 0.3  # as loss.main.tversky")]
    assert len([line for line in lines if "  # " in line]) == 5


def test_a_long_value_stays_on_one_line_with_its_remark(settings_of):
    settings = settings_of(model={})
    names = ["monai:" + "Some " * 40 + "Net", "monai:UNet"]
    space = space_for(settings, {"model.network": {"choices": names}})
    study = optuna.create_study(study_name="tiny", direction="maximize")
    chosen: dict[str, Any] = {"model.network": optuna.distributions.CategoricalDistribution(names)}
    study.add_trial(optuna.create_trial(value=0.5, params={"model.network": names[0]}, distributions=chosen))
    path = write_results(study, settings, space)
    assert parse(RunSettings, train.__doc__ or "", ["--config", str(path)]).model.network == names[0]


def test_the_first_of_equals_is_the_best(settings_of):
    study = study_of(None, (0.7,), (0.7,), "x")
    assert best_trial(standing(study), settings_of()) == 1
    assert best_trial(standing(study_of(None, "x")), settings_of()) is None


def test_the_table_has_a_row_a_trial(settings_of):
    settings = settings_of()
    study = study_of((0.5,), "not finite", None, "died")
    # The last one waits to be taken up again: it is the same trial.
    study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.WAITING, system_attrs={"failed_trial": 3}))
    write_results(study, settings, space_for(settings, SPACE))
    with (settings.folder / "trials.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["state"] for row in rows] == ["complete", "fail", "pruned", "waiting"]
    assert [row["attempts"] for row in rows] == ["1", "1", "1", "2"]
    assert [row["reason"] for row in rows] == ["", "not finite", "", ""]
    assert (rows[0]["dice"], rows[0]["cldice"], rows[0]["loss.lambda_scales.0"]) == ("0.5", "0.3", "0.0")
    assert rows[2]["folder"].endswith("trial_0002")


def test_nothing_completed_leaves_a_table_and_no_best(settings_of):
    settings = settings_of()
    assert write_results(study_of("a", None), settings, space_for(settings, SPACE)) is None
    assert not (settings.folder / "best.yaml").exists()
    assert write_results(study_of(), settings, space_for(settings, SPACE)) is None
    assert (settings.folder / "trials.csv").read_text(encoding="utf-8") == "trial\n"


def test_two_objectives_leave_their_front(settings_of):
    settings = settings_of(objective="both")
    space = space_for(settings, SPACE)
    # 0 and 3 are beaten in both; 1 has the best Dice, 2 the best mean, 4 the best clDice.
    write_results(study_of((0.5, 0.5), (0.9, 0.2), (0.8, 0.6), (0.4, 0.4), (0.1, 0.7)), settings, space)
    front = sorted(path.name for path in (settings.folder / "pareto").iterdir())
    assert front == ["trial_0001.yaml", "trial_0002.yaml", "trial_0004.yaml"]
    best = (settings.folder / "best.yaml").read_text(encoding="utf-8")
    assert best.startswith("# Study tiny, trial 2: dice 0.8000, cldice 0.6000; the best mean of dice and cldice of 5")
    assert yaml.safe_load((settings.folder / "pareto" / "trial_0004.yaml").read_text(encoding="utf-8"))["loss"][
        "lambda_scales"
    ] == [0.4]
    with (settings.folder / "trials.csv").open() as stream:
        assert [row["pareto"] for row in csv.DictReader(stream)] == ["no", "yes", "yes", "no", "yes"]
    # A later trial beats them all: their files go.
    write_results(study_of((0.5, 0.5), (0.9, 0.9)), settings, space)
    assert [path.name for path in (settings.folder / "pareto").iterdir()] == ["trial_0001.yaml"]


def test_two_machines_may_tidy_up_one_folder_at_a_time(settings_of, monkeypatch):
    settings = settings_of(objective="both")
    space = space_for(settings, SPACE)
    write_results(study_of((0.5, 0.5)), settings, space)
    unlink = Path.unlink

    def after_another(path: Path, missing_ok: bool = False) -> None:
        if path.name == "trial_0000.yaml":
            unlink(path)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", after_another)
    write_results(study_of((0.5, 0.5), (0.9, 0.9)), settings, space)
    assert [path.name for path in (settings.folder / "pareto").iterdir()] == ["trial_0001.yaml"]


@pytest.mark.parametrize("ended", [0, 2])
def test_progress_tells_each_trial_once(settings_of, capsys, monkeypatch, ended):
    monkeypatch.setattr("ramify.console.progress.LOG_SECONDS", 0.0)
    settings = settings_of(trials=5)
    study = study_of((0.5,), (0.7,)) if ended else study_of()
    with Progress(study, settings) as progress:
        assert progress.update() == []
        for trial in study_of((0.6,), "not finite", None).trials:
            study.add_trial(trial)
        assert len(progress.update()) == 3
        assert progress.update() == []
        assert progress.ended == ended + 3
    captured = capsys.readouterr()
    told = [
        line for line in (captured.out + captured.err).replace("\r", "\n").splitlines() if line.startswith("trial ")
    ]
    assert [line.strip() for line in told] == [
        f"trial {ended}: dice 0.6000",
        f"trial {ended + 1}: failed: not finite",
        f"trial {ended + 2}: pruned at fold 1, epoch 2",
    ]
    assert f"{ended + 3} of 5 trials" in captured.err
    assert ("best dice 0.7000 (trial 1)" if ended else "best dice 0.6000 (trial 0)") in captured.err

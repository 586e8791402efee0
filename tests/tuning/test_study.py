import json
import re
import shutil

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.data.case_store import list_cases
from ramify.data.folds import load_fold, make_folds
from ramify.tuning.study import (
    definition,
    first_difference,
    fold_settings,
    inner_splits,
    make_inner_folds,
    make_pruner,
    make_sampler,
)
from tests.tuning.tiny_studies import SPACE, opened, space_for


def test_inner_folds_are_of_the_outer_folds_training_cases(settings_of):
    settings = settings_of()
    outer = load_fold(settings.cases, None, 0)
    folds = make_inner_folds(settings)
    assert len(folds) == 2
    for fold in folds:
        assert sorted(fold["train"] + fold["val"]) == outer["train"]
        assert not set(outer["val"]) & {*fold["train"], *fold["val"]}
    assert sorted(case_id for fold in folds for case_id in fold["val"]) == outer["train"]


def test_all_holds_out_no_case(settings_of):
    settings = settings_of(fold="all")
    assert sorted(case_id for fold in make_inner_folds(settings) for case_id in fold["val"]) == list_cases(
        settings.cases
    )


def test_more_inner_folds_than_patients(settings_of):
    with pytest.raises(ValueError, match="folds: 4 asked for, but there are only 3 patients"):
        make_inner_folds(settings_of(folds=4))


def test_a_study_is_made_with_its_folds_and_its_first_trial(settings_of):
    settings = settings_of()
    study, _, _ = opened(settings)
    assert json.loads(inner_splits(settings.folder).read_text(encoding="utf-8")) == make_inner_folds(settings)
    (first,) = study.trials
    assert first.state.name == "WAITING"
    assert first.system_attrs["fixed_params"] == {"loss.temperature": 0.94, "train.learning_rate": 3e-4}
    assert opened(settings)[0].trials == [first], "opened again, nothing is added"
    assert opened(settings_of(study="without", baseline=False))[0].trials == []


def test_a_study_whose_maker_was_killed_gets_its_first_trial(settings_of):
    """The maker had come as far as the definition."""
    settings = settings_of()
    opened(settings_of(baseline=False))
    (first,) = opened(settings)[0].trials
    assert first.system_attrs["fixed_params"] == {"loss.temperature": 0.94, "train.learning_rate": 3e-4}


def test_other_trials_workers_and_places_are_the_same_study(settings_of, tmp_path):
    opened(settings_of())
    opened(settings_of(trials=99, workers=4, heartbeat_seconds=9, pruner="none", device="auto"))
    moved = settings_of(output=tmp_path / "elsewhere", storage=settings_of().storage_url)
    assert opened(moved)[0].trials
    assert inner_splits(moved.folder).exists()


@pytest.mark.parametrize(
    ("changes", "space", "difference"),
    [
        ({"objective": "cldice"}, SPACE, "objective (it was dice, now cldice)"),
        ({"objective": "both"}, SPACE, "objective (it was dice, now both)"),
        ({"train": {"epochs": 5, "augment": False}}, SPACE, "configuration: train.epochs was 3, now 5"),
        ({"seed": 1}, SPACE, "seed was 0, now 1"),
        ({"folds": 3}, SPACE, "inner folds (fold 0 differs)"),
        ({}, {"loss.temperature": SPACE["loss.temperature"]}, "search space: train.learning_rate was {"),
        ({}, SPACE | {"loss.temperature": {"low": 0.2, "high": 1.0}}, "search space: loss.temperature was {"),
        ({}, SPACE | {"loss.lambda_contrastive": {"low": 0, "high": 1}}, "loss.lambda_contrastive was not there"),
    ],
)
def test_another_study_under_the_same_name_is_refused(settings_of, changes, space, difference):
    opened(settings_of())
    with pytest.raises(ValueError, match=re.escape(difference)) as refused:
        opened(settings_of(**changes), space)
    message = str(refused.value)
    assert message.startswith("study tiny in sqlite:///")
    assert message.endswith("choose another --study name, or give what it was made with")


def test_cases_prepared_otherwise_make_another_study(settings_of, tiny_cases, tmp_path):
    cases = shutil.copytree(tiny_cases, tmp_path / "cases")
    opened(settings_of(cases=cases))
    study = opened(settings_of(cases=cases))[0]
    path = cases / "case_1" / "case.json"
    path.write_text(path.read_text(encoding="utf-8").replace("1.5", "2.5"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"has another preparation \(case case_1 differs\)"):
        opened(settings_of(cases=cases))
    # A study of an earlier version does not say how its cases were prepared.
    found = {part: its for part, its in study.user_attrs["ramify"].items() if part != "preparation"}
    assert first_difference(found, study.user_attrs["ramify"]) is None


def test_a_study_of_another_program_is_refused(settings_of):
    settings = settings_of()
    settings.folder.mkdir(parents=True)
    theirs = optuna.create_study(study_name="tiny", storage=settings.storage_url, direction="maximize")
    theirs.add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(ValueError, match=r"was not made by tune.py; choose another --study name"):
        opened(settings)


def test_trials_of_a_lost_database_are_not_taken_for_new_ones(settings_of):
    settings = settings_of()
    (settings.folder / "trials" / "trial_0000").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"holds trials of a study that sqlite:///.* does not know; move it"):
        opened(settings)


VALUES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 1))
PARTS = st.fixed_dictionaries({"objective": st.sampled_from(["dice", "both"]), "configuration": VALUES})


@given(PARTS, PARTS)
def test_definitions_differ_where_they_are_not_equal(found, wanted):
    assert (first_difference(found, wanted) is None) == (found == wanted)
    assert first_difference(found, found) is None


def test_a_definition_survives_the_database(settings_of):
    settings = settings_of()
    study, space, _ = opened(settings)
    assert study.user_attrs["ramify"] == definition(settings, space, make_inner_folds(settings))


def test_the_training_of_an_inner_fold(settings_of):
    settings = settings_of()
    _, space, _ = opened(settings)
    run = fold_settings(
        settings, space.apply(settings.training, {"loss.temperature": 0.5, "train.learning_rate": 1e-3}), 7, 1
    )
    assert run.output == settings.folder / "trials" / "trial_0007"
    assert load_fold(run.cases, run.splits, 1) == make_inner_folds(settings)[1]
    assert (run.fold, run.resume, run.loss.temperature, run.train.learning_rate) == (1, True, 0.5, 1e-3)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "MedianPruner"),
        ({"pruner": "hyperband"}, "HyperbandPruner"),
        ({"pruner": "none"}, "NopPruner"),
        ({"objective": "both"}, "NopPruner"),
    ],
)
def test_pruners(settings_of, changes, name):
    assert type(make_pruner(settings_of(**changes))).__name__ == name


def draws(settings, calls: list[int], space) -> list[dict[str, float]]:
    """Values of a study's trials, run in several calls of so many trials each."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    for trials in calls:
        for _ in range(trials):
            study.sampler = make_sampler(settings, len(study.trials))
            study.optimize(
                lambda trial: -sum((value - 0.3) ** 2 for value in space.suggest(trial).values()), n_trials=1
            )
    return [trial.params for trial in study.trials]


def test_an_interrupted_study_draws_as_one_that_ran_through(settings_of):
    settings = settings_of(random_trials=3)
    space = space_for(settings)
    whole = draws(settings, [8], space)
    assert draws(settings, [2, 3, 3], space) == whole
    assert len({params["loss.temperature"] for params in whole}) == 8, "no draw comes twice"
    assert draws(settings_of(random_trials=3, seed=1), [8], space) != whole


def test_folds_by_patient_stay_so_inside(settings_of, monkeypatch):
    patients = {f"c{number}": f"p{number // 2}" for number in range(12)}
    monkeypatch.setattr("ramify.tuning.study.patients_of", lambda store: patients)
    monkeypatch.setattr("ramify.tuning.study.load_fold", lambda *_: make_folds(patients, 3, 0)[0])
    for fold in make_inner_folds(settings_of(folds=4)):
        assert not {patients[case] for case in fold["train"]} & {patients[case] for case in fold["val"]}


def test_a_study_lies_where_it_was_told_to(settings_of, tmp_path):
    """A question mark made options of the rest of the path, and the file lay beside the folder."""
    settings = settings_of(output=tmp_path / "q?a=1#b")
    opened(settings)
    assert opened(settings)[0].trials
    assert (tmp_path / "q?a=1#b" / "tiny" / "study.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["q?a=1#b"]

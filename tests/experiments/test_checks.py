"""What does not fit together is refused before anything is computed, by the variant and the key at fault."""

import json
import shutil
from pathlib import Path

import pytest

from ramify.data.folds import FoldSettings
from ramify.experiments.checks import check_further, check_parting
from ramify.experiments.settings import ExperimentSettings
from ramify.training.settings import RunSettings


@pytest.fixture
def store(tiny_cases: Path, tmp_path: Path) -> Path:
    """Four cases in two folds of two."""
    shutil.copytree(tiny_cases, tmp_path / "cases")
    names = [f"case_{number}" for number in range(4)]
    splits = [{"train": names[:2], "val": names[2:]}, {"train": names[2:], "val": names[:2]}]
    (tmp_path / "cases" / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    return tmp_path / "cases"


def probed(store: Path, network: str, *names: str) -> tuple[ExperimentSettings, dict[str, RunSettings]]:
    given = {"name": "x", "cases": store, "variants": {"base": {}, "other": {}}, "folds": (0, 1), "probe": names}
    resunet = {"cases": store, "output": "runs", "model": {"levels": 2, "base_channels": 2}}
    other = {**resunet, "model": {"network": network}}
    trainings = {"base": RunSettings.model_validate(resunet), "other": RunSettings.model_validate(other)}
    return ExperimentSettings.model_validate(given), trainings


def test_features_that_a_network_lacks(store):
    check_further(*probed(store, "resunet", "encoder.2", "main_decoder.0", "surroundings"))
    with pytest.raises(ValueError, match=r"variant base, probe: no features 'encoder.3' in this network"):
        check_further(*probed(store, "resunet", "encoder.3"))
    with pytest.raises(ValueError, match="variant other, probe: FCN has no levels to look at"):
        check_further(*probed(store, "fcn", "encoder.1"))
    check_further(*probed(store, "fcn"))


def test_a_single_scale_is_not_probed(store, monkeypatch):
    monkeypatch.setattr("ramify.experiments.checks.count_scales", lambda _: 1)
    with pytest.raises(ValueError, match="variant base, probe: a probe tells scales apart, and the cases have one"):
        check_further(*probed(store, "resunet", "intensity"))


def test_folds_of_a_single_patient(store):
    splits = [{"train": ["case_0", "case_1", "case_2"], "val": ["case_3"]}] * 2
    (store / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    experiment, trainings = probed(store, "resunet", "encoder.1")
    trainings = {
        name: its.model_copy(update={"splits": store / "splits_final.json"}) for name, its in trainings.items()
    }
    with pytest.raises(ValueError, match="probe: fold 0 holds out a single patient"):
        check_further(experiment, trainings)
    experiment = experiment.model_copy(update={"probe": (), "at_precision": 0.8})
    with pytest.raises(ValueError, match="at_precision: fold 0 holds out a single patient"):
        check_further(experiment, trainings)
    check_further(experiment.model_copy(update={"at_precision": None}), trainings)


def test_cases_parted_otherwise_than_asked_for(store):
    check_parting(store, FoldSettings(folds=2))
    with pytest.raises(ValueError, match="has 2 folds, but preprocess asks for 3"):
        check_parting(store, FoldSettings(folds=3))
    with pytest.raises(ValueError, match=r"fold 0 has 0 test cases, but preprocess asks for others \(folds.test\)"):
        check_parting(store, FoldSettings(folds=2, test="case_3"))
    splits = [{"train": ["case_0"], "val": ["case_1"], "test": ["case_3"]}] * 2
    (store / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    check_parting(store, FoldSettings(folds=2, test="case_3"))
    with pytest.raises(ValueError, match="fold 0 has 1 test cases, but preprocess asks for others"):
        check_parting(store, FoldSettings(folds=2))

"""A resumed training goes on with the cases it began with, prepared as they were; anything else is named."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ramify.data.case_store import read_case, write_case
from ramify.preprocessing.prepare import PREPARATION
from ramify.training.loop import train_run
from ramify.training.run_folder import RunFolder
from ramify.training.same_cases import check_same_cases
from ramify.training.settings import RunSettings


def settings_of(cases: Path, output: Path, epochs: int, **more: Any) -> RunSettings:
    return RunSettings.model_validate(
        {
            "cases": cases,
            "output": output,
            "device": "cpu",
            "model": {"levels": 2, "base_channels": 2},
            "loss": {"lambda_scales": [0.5, 0.5], "lambda_contrastive": 0.0},
            "train": {"epochs": epochs},
            **more,
        }
    )


@pytest.fixture(scope="module")
def trained(tiny_cases, tmp_path_factory) -> Path:
    """The folder of a training of one epoch."""
    output = tmp_path_factory.mktemp("trained") / "run"
    train_run(settings_of(tiny_cases, output, 1))
    return output


@pytest.fixture
def run(trained, tmp_path) -> Path:
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def cases(tiny_cases, tmp_path) -> Path:
    return shutil.copytree(tiny_cases, tmp_path / "cases")


def change_record(cases: Path, case_id: str, change: Any) -> None:
    path = cases / case_id / "case.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def replace_array(cases: Path, case_id: str, name: str) -> None:
    array = np.array(read_case(cases, case_id).arrays[name])
    array[..., 3, 3, 3] = 1 - array[..., 3, 3, 3]
    write_again(cases, case_id, {name: array})


def write_again(cases: Path, case_id: str, arrays: dict[str, Any] | None = None, **record: Any) -> None:
    """Write a case as preparation would, with some arrays and some of its record changed."""
    case = read_case(cases, case_id)
    whole = {name: np.array(array) for name, array in case.arrays.items()} | (arrays or {})
    added = ("format", "arrays", "sampling", "case_id", "sha256")
    kept = {key: value for key, value in case.record.items() if key not in added}
    shutil.rmtree(cases / case_id)
    write_case(cases, case_id, whole, kept | record)


def test_a_record_changed_since_preparation_is_not_trained_on(cases, tmp_path):
    change_record(cases, "case_1", lambda record: record.update(spacing_mm=[9.0, 1.0, 1.0]))
    with pytest.raises(ValueError, match=r"case_1: case\.json is not what was written; .*; run preprocess\.py again"):
        train_run(settings_of(cases, tmp_path / "new", 1))
    # Written in another form it says the same.
    change_record(cases, "case_1", lambda record: record.update(spacing_mm=[2.0, 1.0, 1.0]))
    assert not read_case(cases, "case_1").known.altered


def test_cases_of_another_version_of_the_preparation_are_not_trained_on(cases, tmp_path):
    write_again(cases, "case_1", preparation=PREPARATION)
    train_run(settings_of(cases, tmp_path / "run", 1))
    write_again(cases, "case_1", preparation=PREPARATION - 1)
    says = rf"case_1: prepared by version {PREPARATION - 1} of the .*, this is version {PREPARATION}; run preprocess"
    for resume in (False, True):
        with pytest.raises(ValueError, match=says):
            train_run(settings_of(cases, tmp_path / ("run" if resume else "new"), 2, resume=resume))


def test_run_and_checkpoint_say_what_was_trained_on(tiny_cases, trained):
    folder = RunFolder(trained / "fold_0")
    checkpoint = torch.load(folder.checkpoint("latest"), weights_only=True)
    description = json.loads((folder.root / "run.json").read_text(encoding="utf-8"))
    assert checkpoint["identities"] == description["identities"]
    assert set(checkpoint["identities"]) == {"case_0", "case_1", "case_2", "case_3"}
    its = checkpoint["identities"]["case_3"]
    assert its["spacing_mm"] == [2.0, 1.0, 1.0]
    sha256 = read_case(tiny_cases, "case_3").record["arrays"]["image"]["sha256"]
    assert its["arrays"]["image"] == sha256[:16]
    assert checkpoint["sources"] == {"case_0": [], "case_1": [], "case_2": []}, "drawn cases come from no file"


def test_the_same_cases_elsewhere_will_do(cases, run, tmp_path):
    mine = tmp_path / "mine.json"
    (cases / "splits_final.json").rename(mine)
    folder = train_run(settings_of(cases, run, 2, resume=True, splits=mine, verify=True))
    assert torch.load(folder.checkpoint("latest"), weights_only=True)["epoch"] == 2


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ([{"train": ["case_2", "case_3"], "val": ["case_0"]}], "case_0 trained, now validated; case_1 trained, now no"),
        ([{"train": ["case_0", "case_1"], "val": ["case_3"]}], "case_2 trained, now not used"),
        ([{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}], "case_2 trained, now validated"),
    ],
)
def test_another_split_is_refused(cases, run, splits, says):
    (cases / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    before = {path: path.read_bytes() for path in run.rglob("*.pt")}
    with pytest.raises(ValueError, match=f"cannot resume with other cases .*{says}") as caught:
        train_run(settings_of(cases, run, 2, resume=True))
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in run.rglob("*.pt")} == before


def other_window(record: dict[str, Any]) -> None:
    record["settings"]["intensity"]["window"] = [-1000.0, 1000.0]


def give_all_another_window(cases: Path) -> None:
    for number in range(4):
        change_record(cases, f"case_{number}", other_window)


PREPARED_OTHERWISE = {
    "settings": (
        give_all_another_window,
        r"intensity\.window was \[-150\.0, 250\.0\], now \[-1000\.0, 1000\.0\]",
    ),
    "spacing": (
        lambda cases: change_record(cases, "case_1", lambda record: record.update(spacing_mm=[9.0, 9.0, 9.0])),
        r"case_1: spacing_mm was \[2\.0, 1\.0, 1\.0\], now \[9\.0, 9\.0, 9\.0\]",
    ),
    "thresholds": (
        lambda cases: change_record(cases, "case_3", lambda record: record.update(scales={"thresholds_mm": [2.5]})),
        r"case_3: thresholds_mm was \[1\.5\], now \[2\.5\]",
    ),
    "image": (lambda cases: replace_array(cases, "case_0", "image"), r"case_0: image\.npy is another"),
    "labels": (lambda cases: replace_array(cases, "case_3", "scales"), r"case_3: scales\.npy is another"),
}


@pytest.mark.parametrize("name", PREPARED_OTHERWISE)
def test_another_preparation_is_refused(cases, run, name):
    change, says = PREPARED_OTHERWISE[name]
    change(cases)
    with pytest.raises(ValueError, match=f"cannot resume on cases that were prepared otherwise .*{says}") as caught:
        train_run(settings_of(cases, run, 2, resume=True))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_without_digests_is_compared_by_what_it_has(trained):
    now = torch.load(RunFolder(trained / "fold_0").checkpoint("latest"), weights_only=True)
    saved = {key: value for key, value in now.items() if key != "identities"}
    check_same_cases(saved, now, trained)
    now["prepared"] = {**now["prepared"], "spacing_mm": [9.0, 9.0, 9.0]}
    with pytest.raises(ValueError, match=r"prepared otherwise \(spacing_mm was \[2\.0, 1\.0, 1\.0\], now \[9"):
        check_same_cases(saved, now, trained)


def test_cases_prepared_in_different_ways_are_not_trained_on_together(cases, tmp_path):
    change_record(cases, "case_2", other_window)
    with pytest.raises(
        ValueError, match=r"cases case_0 and case_2 were prepared in different ways \(intensity\.window"
    ):
        train_run(settings_of(cases, tmp_path / "new", 1))

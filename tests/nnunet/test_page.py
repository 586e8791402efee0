"""What docs/nnunet.md shows can be done: its first block command by command, and its trainers."""

import importlib
import json
import os
import shlex
import sys

import pytest

from ramify import nnunet_trainers
from tests.docs.pages import ROOT, blocks_of, text_of
from tests.nnunet.tiny_data import CASES, shrink_plans, write_data_set
from tests.nnunet.training import TRAINERS_VARIABLE

pytestmark = pytest.mark.filterwarnings("default")
BLOCKS = blocks_of(text_of(ROOT / "docs" / "nnunet.md"))
NAME = "Dataset001_Vessels"
ENTRIES = {
    "nnUNetv2_plan_and_preprocess": "experiment_planning.plan_and_preprocess_entrypoints:plan_and_preprocess_entry",
    "nnUNetv2_train": "run.run_training:run_training_entry",
    "nnUNetv2_predict": "inference.predict_from_raw_data:predict_entry_point",
}


def given(line, monkeypatch, capsys):
    """Do what a line of the page says."""
    if "$(ramify nnunet-trainers)" in line:
        capsys.readouterr()
        nnunet_trainers.main([])
        line = line.replace("$(ramify nnunet-trainers)", capsys.readouterr().out.strip())
    first, *words = shlex.split(os.path.expandvars(line))
    if first == "export":
        for word in words:
            monkeypatch.setenv(*word.split("=", 1))
    elif first == "ramify":
        assert importlib.import_module(f"ramify.{words[0]}").main(words[1:]) == 0
    else:
        device = [] if "plan" in first else ["-device", "cpu"]
        monkeypatch.setattr(sys, "argv", [first, *words, *device])
        module, _, entry = ENTRIES[first].partition(":")
        getattr(importlib.import_module(f"nnunetv2.{module}"), entry)()


def test_the_first_block_of_the_page(nnunet, tmp_path, monkeypatch, capsys):
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    initialise = nnUNetTrainer.initialize

    def as_short_as_can_be(self):
        self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = 1, 4, 1
        initialise(self)

    monkeypatch.setattr(nnUNetTrainer, "initialize", as_short_as_can_be)
    monkeypatch.chdir(tmp_path)
    write_data_set(tmp_path / "raw", "classes", NAME)
    lines = [line for line in BLOCKS[0].text.splitlines() if line]
    assert len(lines) == 10
    for line in lines:
        given(line, monkeypatch, capsys)
        if "plan_and_preprocess" in line:
            folder = tmp_path / "preprocessed" / NAME
            shrink_plans(folder / "nnUNetPlans.json")
            split = json.dumps([{"train": CASES[:3], "val": CASES[3:]}])
            (folder / "splits_final.json").write_text(split, encoding="utf-8")
    assert (tmp_path / "predicted" / f"{CASES[3]}.nii.gz").is_file()
    scores = json.loads((tmp_path / "scores" / "scales" / "metrics.json").read_text(encoding="utf-8"))
    assert list(scores["cases"]) == list(CASES[3:])
    assert list(scores["classes"]) == ["portal", "hepatic"]
    assert "scales against nnunet" in capsys.readouterr().out


def test_the_trainers_of_the_page(nnunet, tmp_path, monkeypatch):
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    shown = [block.text for block in BLOCKS if block.language == "python"]
    for number, code in enumerate(shown):
        (tmp_path / f"mine_{number}.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv(TRAINERS_VARIABLE, os.pathsep.join([os.environ[TRAINERS_VARIABLE], str(tmp_path)]))
    found = {name: recursive_find_trainer_class_by_name(name) for name in ("LiverScales", "VesselTversky")}
    assert found["LiverScales"].vessels == ("portal", "hepatic")
    assert len(shown) == len(found)

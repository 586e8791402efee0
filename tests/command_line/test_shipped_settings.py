"""Shipped settings are found from any folder, and a file of one's own comes first."""

from pathlib import Path

import pytest

from ramify.command_line import parse
from ramify.command_line.shipped_settings import FOLDER, find_settings
from ramify.command_line.yaml_settings import read_yaml
from ramify.losses import AnchorSettings
from ramify.models import ContrastHeadSettings
from ramify.training.settings import RunSettings
from tests.asked import ASKED


def test_the_shipped_file_is_taken_where_the_folder_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_settings(Path("configs/paper.yaml")) == FOLDER / "paper.yaml"
    assert find_settings(Path("./configs/losses/soft_cldice.yaml")) == FOLDER / "losses" / "soft_cldice.yaml"
    assert read_yaml(Path("configs/demo.yaml"))["seed"] == 0


def test_a_file_of_the_working_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "paper.yaml").write_text("seed: 7\n")
    assert read_yaml(Path("configs/paper.yaml")) == {"seed": 7}
    assert find_settings(Path("configs/demo.yaml")) == FOLDER / "demo.yaml"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("configs/papr.yaml", r"did you mean configs/paper\.yaml\?"),
        ("configs/soft_cldice.yaml", r"did you mean configs/losses/soft_cldice\.yaml\?"),
        ("paper.yaml", r"did you mean configs/paper\.yaml\?"),
        ("mine.yaml", "the shipped ones are in .*configs"),
        ("configs", "the shipped ones are in .*configs"),
    ],
)
def test_a_missing_file_is_told_with_its_near_miss(name, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"no such configuration file; {hint}"):
        find_settings(Path(name))


def training(*names: str) -> RunSettings:
    files = [word for name in names for word in ("--config", f"configs/{name}.yaml")]
    return parse(RunSettings, "", [*files, "--cases", "cases", "--output", "run"])


def test_the_papers_file_is_what_the_paper_prints(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paper = training("paper")
    assert (paper.model.network, paper.model.tasks, paper.model.sizes(3)) == ("resunet", ASKED["multi_task"], (5, 8))
    assert paper.model.contrast == ContrastHeadSettings(head="per_scale")
    assert (paper.loss.lambda_scales, paper.loss.lambda_contrastive) == ((0.78, 0.48, 0.54), 0.53)
    assert (paper.loss.temperature, paper.loss.hard_negatives, paper.loss.anchors) == (0.94, 0.0, AnchorSettings())
    assert paper.loss.main == paper.loss.auxiliary == {"dice": 1.0, "cross_entropy": 1.0}


@pytest.mark.parametrize("base", ["demo", "pairs_2d", "paper"])
def test_the_shared_contrast_lies_on_any_training(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    laid = training(base, "shared_contrast")
    assert laid.model.contrast == ContrastHeadSettings(head="shared", features="encoder.1")
    assert laid.model.levels == training(base).model.levels
    assert laid.loss.anchors.cap == training(base).loss.anchors.cap

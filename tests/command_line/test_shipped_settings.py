"""Shipped settings are found from any folder, and a file of one's own comes first."""

from pathlib import Path

import pytest

from ramify.command_line.shipped_settings import FOLDER, find_settings
from ramify.command_line.yaml_settings import read_yaml


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

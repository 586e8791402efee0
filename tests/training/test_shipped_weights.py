"""Names of shipped weights: found from anywhere, after what lies there, and listed where a name is not known."""

import re
from pathlib import Path

import pytest

from ramify.disk.digests import fingerprint
from ramify.training import shipped_weights
from ramify.training.run_folder import find_checkpoint, find_checkpoints
from tests.tiny_checkpoints import write_fold


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("liver-phantom", "brain"):
        (folder / f"{name}.pt").write_bytes(b"weights")
    (folder / "liver-phantom.md").write_text("card")
    monkeypatch.setattr(shipped_weights, "FOLDER", folder)
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_name_is_found_from_anywhere(shipped):
    assert find_checkpoints("liver-phantom", "best") == (shipped / "liver-phantom.pt",)
    assert find_checkpoint(Path("brain"), "latest") == shipped / "brain.pt"


def test_a_file_or_folder_of_that_name_goes_first(shipped, tmp_path):
    (tmp_path / "brain").write_bytes(b"mine")
    assert find_checkpoints("brain", "best") == (Path("brain"),)
    own = write_fold(tmp_path / "liver-phantom", 0)
    assert [path.resolve() for path in find_checkpoints("liver-phantom", "best")] == [own]


@pytest.mark.parametrize("asked", ["liver", "liver-phantom.pt", "there/liver-phantom", "README"])
def test_a_name_that_is_not_known_lists_what_is_shipped(shipped, asked):
    said = f"{asked}: no such checkpoint or run folder; weights that come with Ramify: brain, liver-phantom"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(said)}$"):
        find_checkpoints(asked, "best")


def test_without_shipped_weights_none_are_spoken_of(shipped, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped_weights, "FOLDER", tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"no such checkpoint or run folder$"):
        find_checkpoints("liver-phantom", "best")


def test_each_shipped_checkpoint_has_a_card_with_its_hash_and_is_small():
    for name, path in shipped_weights.shipped_weights().items():
        assert fingerprint(path) in path.with_suffix(".md").read_text(encoding="utf-8"), name
        assert path.stat().st_size <= 10_000_000, name

"""Checkpoints are whole or absent, and run nothing when read."""

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from training.checkpoint import load_checkpoint, save_checkpoint

STATE = {
    "config": {"seed": 1},
    "preprocessing": {},
    "network": {"scales": 3},
    "model": {"weight": torch.arange(6.0).reshape(2, 3)},
    "epoch": 4,
}


class Bomb:
    """Runs code when unpickled."""

    def __reduce__(self):
        return (print, ("boom",))


def test_a_checkpoint_comes_back_as_it_went(tmp_path):
    path = tmp_path / "deep" / "latest.pt"
    save_checkpoint(path, STATE)
    loaded = load_checkpoint(path)
    assert loaded["epoch"] == 4
    assert torch.equal(loaded["model"]["weight"], STATE["model"]["weight"])
    assert [child.name for child in path.parent.iterdir()] == ["latest.pt"]


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, capsys):
    path = tmp_path / "bomb.pt"
    torch.save({**STATE, "format": 1, "extra": Bomb()}, path)
    with pytest.raises(ValueError, match=r"bomb\.pt: refused, .* could run code"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"bomb\.pt: (refused|not a readable)"):
        load_checkpoint(path)
    assert "boom" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.pt: ") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "latest.pt"
    save_checkpoint(path, STATE)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"latest\.pt: not a readable checkpoint"):
        load_checkpoint(path)


def test_a_file_of_another_program_is_refused(tmp_path):
    path = tmp_path / "nnunet.pth"
    torch.save({"network_weights": {}}, path)
    with pytest.raises(ValueError, match=r"nnunet\.pth: not a checkpoint of train\.py"):
        load_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt"):
        load_checkpoint(tmp_path / "nowhere.pt")


def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path):
    """A process that may write only small files stands in for a full disk: the system refuses in the same place."""
    path = tmp_path / "latest.pt"
    save_checkpoint(path, STATE)
    before = path.read_bytes()
    script = textwrap.dedent(
        """
        import resource, signal, sys
        from pathlib import Path
        import torch
        from command_line import run
        from training.checkpoint import save_checkpoint
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        state = {"config": {}, "preprocessing": {}, "network": {}, "model": {"w": torch.zeros(100000)}, "epoch": 5}
        run(lambda: save_checkpoint(Path(sys.argv[1]), state))
        """
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "latest.pt: 0.4 MB could not be written" in done.stderr
    assert path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == ["latest.pt"]

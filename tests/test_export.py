"""The command: what it writes, what it says, and what it leaves alone."""

import json
import sys
from pathlib import Path

import pytest
import torch

from ramify import export
from ramify.stages import export as export_stage
from tests.exporting.checkpoints import write_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "run" / "fold_0" / "checkpoints" / "best.pt")


@pytest.fixture
def without_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter itself takes seconds, and has tests of its own."""
    monkeypatch.setattr(export_stage, "onnx_of", lambda trained: b"network")


def test_both_forms_of_a_run(checkpoint, without_exporter, tmp_path, capsys, monkeypatch):
    for package in ("nibabel", "ignite"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.setattr(export_stage, "largest_difference", lambda *_: 3e-7)
    words = ["--checkpoint", f"{tmp_path}/run", "--onnx", f"{tmp_path}/v.onnx", "--bundle", f"{tmp_path}/out/vessels"]
    assert export.main(words) == 0
    assert (tmp_path / "v.onnx").read_bytes() == b"network"
    assert json.loads((tmp_path / "out" / "vessels" / "configs" / "metadata.json").read_text())["name"] == "vessels"
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{tmp_path}/v.onnx: 0.0 MB, within 3.0e-07 of torch"
    assert told[1].startswith(f"{tmp_path}/out/vessels: a bundle of 4 files")
    # Again, over its own files.
    assert export.main(words) == 0


@pytest.mark.parametrize("missing", ["nibabel", "ignite"])
def test_a_missing_package_is_told_before_anything_is_written(
    missing, checkpoint, without_exporter, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, missing, None)
    words = ["--checkpoint", str(checkpoint), "--onnx", f"{tmp_path}/v.onnx", "--bundle", f"{tmp_path}/vessels"]
    with pytest.raises(ValueError, match=f"needs {missing}, .*pip install nibabel pytorch-ignite, .* extra `bundle`"):
        export.main(words)
    assert not (tmp_path / "v.onnx").exists()
    assert not (tmp_path / "vessels").exists()


def test_without_onnxruntime_nothing_is_compared(checkpoint, without_exporter, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export.main(["--checkpoint", str(checkpoint), "--onnx", f"{tmp_path}/v.onnx"]) == 0
    assert "not compared, as onnxruntime is not installed" in capsys.readouterr().out


def test_a_clean_up_that_is_not_exported_is_told(checkpoint, without_exporter, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    words = ["--checkpoint", str(checkpoint), "--onnx", f"{tmp_path}/v.onnx"]
    rules = {"vessels": {"threshold": 0.9}}
    (checkpoint.parents[2] / "clean_up.json").write_text(json.dumps({"weights": "best", "epochs": {}, "rules": rules}))
    assert export.main(words) == 0
    assert "note: predict.py cleans up (vessels from a probability of 0.9 on), what is exported does not" in (
        capsys.readouterr().err
    )


def test_what_is_the_users_stays(checkpoint, without_exporter, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "v.onnx").write_text("mine")
    for words in (["--bundle", f"{tmp_path}/mine"], ["--onnx", f"{tmp_path}/v.onnx"], ["--onnx", str(checkpoint)]):
        with pytest.raises(ValueError, match=r"did not write|what this call reads|user"):
            export.main(["--checkpoint", str(checkpoint), *words])
    assert (tmp_path / "v.onnx").read_text() == "mine"
    with pytest.raises(ValueError, match="nothing to write: give --onnx FILE"):
        export.main(["--checkpoint", str(checkpoint)])


def test_a_trace_for_one_size_alone_is_refused(checkpoint, tmp_path, monkeypatch):
    for package in ("nibabel", "ignite"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.setattr(torch, "allclose", lambda *_, **__: False)
    with pytest.raises(ValueError, match="its trace holds for one size alone"):
        export.main(["--checkpoint", str(checkpoint), "--bundle", f"{tmp_path}/vessels"])

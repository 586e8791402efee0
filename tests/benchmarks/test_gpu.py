"""The check of a GPU, whole and tiny on the CPU: every part has its rows, and what differs ends it with 1."""

import json

import pytest
import torch

from benchmarks import device_equality, gpu
from ramify.models.settings import ModelSettings


@pytest.fixture(autouse=True)
def _few(monkeypatch, cases_in_this_process):
    """One network and one loss stand for all; preparation starts no process."""
    small = {"fcn": ModelSettings(network="fcn", tasks=device_equality.ALONE)}
    monkeypatch.setattr(device_equality, "networks", lambda: small)
    monkeypatch.setattr(device_equality, "terms_in_3d", lambda: ["dice"])


@pytest.mark.integration
def test_every_part_has_its_rows(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gpu, "TABLE_VARIANTS", ("binary",))
    assert gpu.main(["--tiny", "--output", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "gpu.json").read_text(encoding="utf-8"))
    parts = found["parts"]
    titles = [line for line in told.splitlines() if line.startswith("### ")]
    assert sorted(title.removeprefix("### ").partition(" (")[0] for title in titles) == sorted(parts)
    assert [row["precision"] for row in parts["Beside the CPU"]] == 2 * ["float32", "bfloat16"]
    assert all(row["equal"] for row in parts["Beside the CPU"])
    assert [row["what"] for row in parts["A training step"]][:1] == ["binary"]
    assert parts["A training step"][-1]["hours"] > 0
    assert parts["A training step"][0]["more time"] == 0
    assert (parts["What a loss adds"][1]["published, time"], "| 0.08 | 0.02 |" in told) == (0.08, True)
    assert [row["what"] for row in parts["Compiled, and channels last"]] == ["as it is", "channels last"]
    of_data, of_waits, *_ = parts["Loader and prediction"]
    assert 0 <= of_data["share"] <= 1
    assert (of_waits["waits for the device"], of_waits["with float16's scaler"]) == (1, 1)


def test_what_differs_is_named(monkeypatch):
    monkeypatch.setitem(device_equality.LIMITS, torch.float32, -1.0)
    found = list(device_equality.differences(torch.device("cpu"), (16, 16, 16)))
    assert [(one.name, one.precision) for one in found if not one.equal] == [("fcn", "float32"), ("dice", "float32")]


def test_without_a_gpu_the_tiny_form_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no GPU here: --tiny shows on the CPU"):
        gpu.main([])

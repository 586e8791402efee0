"""ONNX: what onnxruntime makes of an image is what torch makes of it."""

import json
import sys

import numpy as np
import pytest
import torch

from ramify.exporting.onnx_file import METADATA, onnx_of
from tests.exporting.checkpoints import CLASSES, trained

runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")


@pytest.mark.parametrize(("ndim", "sizes"), [(2, ((6, 8), (16, 4))), (3, ((6, 8, 4), (4, 16, 12)))])
def test_masks_are_torchs_at_any_size(ndim: int, sizes, tmp_path):
    table = CLASSES if ndim == 2 else CLASSES.model_copy(update={"classes": {"vessel": CLASSES.classes["portal"]}})
    network = trained(tmp_path / "best.pt", (16,) * ndim, table=table)
    content = onnx_of(network)
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for batch, size in enumerate(sizes, start=1):
        image = torch.randn(batch, 1, *size)
        with torch.no_grad():
            ours = network.module(image).numpy()
        (theirs,) = session.run(["probabilities"], {"image": image.numpy()})
        assert theirs.shape == (batch, 2 if ndim == 2 else 1, *size)
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-4)
        assert np.array_equal(theirs >= 0.5, ours >= 0.5)
    onnx.checker.check_model(onnx.load_from_string(content))
    (entry,) = [one for one in onnx.load_from_string(content).metadata_props if one.key == METADATA]
    told = json.loads(entry.value)
    assert told["outputs"] == (["portal", "hepatic"] if ndim == 2 else ["vessels"])
    assert told["values"] == ([0, 3, 7] if ndim == 2 else [0, 3])
    assert (told["channels"], told["size_multiple"], told["spacing_mm"]) == (["ct"], 2, [1.5] * ndim)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ValueError, match="needs onnxscript, which is not installed; pip install onnx onnxscript"):
        onnx_of(trained(tmp_path / "best.pt"))


def test_a_network_that_cannot_be_recorded_is_one_line(tmp_path, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise RuntimeError("Unsupported: aten::odd\nand much more")

    monkeypatch.setattr(torch.onnx, "export", refused)
    with pytest.raises(ValueError, match=r"network resunet: cannot be recorded: Unsupported: aten::odd$"):
        onnx_of(trained(tmp_path / "best.pt"))

"""ONNX: what onnxruntime makes of an image is what torch makes of it."""

import copy
import json
import sys

import numpy as np
import pytest
import torch

from ramify.exporting.description import METADATA
from ramify.exporting.onnx_file import largest_difference, onnx_of
from ramify.exporting.trained import TrainedNetwork
from tests.exporting.checkpoints import CLASSES, trained

runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")


@pytest.mark.parametrize(("ndim", "sizes"), [(2, ((6, 8), (16, 4))), (3, ((5, 8, 4), (4, 16, 12)))])
def test_masks_are_torchs_at_any_size(ndim: int, sizes, tmp_path):
    table = CLASSES if ndim == 2 else CLASSES.model_copy(update={"classes": {"vessel": CLASSES.classes["portal"]}})
    # Of thick slices every number will do.
    pooling = (1, 1) if ndim == 2 else (0, 1, 1)
    network = trained(tmp_path / "best.pt", (16,) * ndim, table=table, pooling=pooling)
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
    assert (told["channels"], told["size_multiples"], told["spacing_mm"]) == (
        ["ct"],
        [2**each for each in pooling],
        [1.5] * ndim,
    )


class Elsewhere:
    """A runtime that computes in float64, and whose probabilities are off by so much."""

    def __init__(self, network: TrainedNetwork, off: float) -> None:
        self.exact, self.off = copy.deepcopy(network.module).double(), off
        self.tells_its_maker = True

    def disable_telemetry_events(self) -> None:
        self.tells_its_maker = False

    def InferenceSession(self, *_: object, **__: object) -> "Elsewhere":
        assert not self.tells_its_maker
        return self

    def run(self, _: list[str], given: dict[str, np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad():
            return [self.exact(torch.from_numpy(given["image"]).double()).numpy() + self.off]


@pytest.mark.parametrize(("off", "fits"), [(5e-5, True), (0.1, False), (float("nan"), False)])
def test_what_is_not_torchs_is_refused(off: float, fits: bool, tmp_path, monkeypatch):
    network = trained(tmp_path / "best.pt", (16, 16))
    monkeypatch.setitem(sys.modules, "onnxruntime", Elsewhere(network, off))
    if fits:
        assert largest_difference(b"", network) == pytest.approx(off, rel=0.1)
    else:
        with pytest.raises(ValueError, match="probabilities of onnxruntime and torch are up to"):
            largest_difference(b"", network)


def test_rounding_of_large_logits_is_no_other_network(tmp_path, monkeypatch):
    """As of a deep network that was hardly trained: float32 has no more digits of its probabilities."""
    network = trained(tmp_path / "best.pt", (16, 16))
    image, head = network.module.example(2, 3), network.module.network.main_decoder.head
    with torch.no_grad():
        head.weight *= 1e6
        head.bias -= network.module.network(image).logits.median()
    monkeypatch.setitem(sys.modules, "onnxruntime", Elsewhere(network, 0.0))
    assert largest_difference(b"", network) > 1e-4


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

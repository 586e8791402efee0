"""Loss modules under torch.compile: one graph, with the value and gradient of the uncompiled ones."""

import pytest
import torch
from torch import Tensor

from ramify.losses import SegmentationLoss
from tests.losses.modules.table import NAMES, labels_of, logits_for, module, value_and_gradient

# One for every operation that is not PyTorch's own is traced on the way back too; what the graph itself compiles to is
# PyTorch's business.
BACK_TOO = {
    "BettiMatching",
    "CbDice",
    "DiceCrossEntropy",
    "PersistentHomology",
    "SkeletonRecall",
    "SoftClDice",
    "TopoClDice",
    "Topograph",
}
SHARED = {"to_onehot": True, "drop_background": True, "ignore_label": 255}


def in_one_graph(loss: SegmentationLoss, backend: str, dynamic: bool) -> SegmentationLoss:
    """Compiled in one graph, or not at all."""
    torch._dynamo.reset()
    loss.compile(fullgraph=True, backend=backend, dynamic=dynamic)
    return loss


def batch_of(size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    labels = labels_of(size)
    logits = logits_for(labels)
    labels[0, 0, 3:6, 3:6] = 255
    return logits, labels


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_one_graph(name):
    loss = in_one_graph(module(name, **SHARED), "aot_eager" if name in BACK_TOO else "eager", dynamic=False)
    more = {"spacing_mm": (0.7, 1.0)} if name in {"Boundary", "CbDice"} else {}
    logits, labels = batch_of((12, 18))
    expected = value_and_gradient(module(name, **SHARED), logits, labels, **more)
    torch.testing.assert_close(value_and_gradient(loss, logits, labels, **more), expected)


@pytest.mark.parametrize("name", ["SoftClDice", "TopoClDice"])
def test_the_graph_is_for_every_size(name):
    loss = in_one_graph(module(name, **SHARED), "eager", dynamic=True)
    for size in ((12, 18), (14, 20)):
        logits, labels = batch_of(size)
        expected = value_and_gradient(module(name, **SHARED), logits, labels)
        torch.testing.assert_close(value_and_gradient(loss, logits, labels), expected)

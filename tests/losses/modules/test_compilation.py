"""Loss modules under torch.compile: one graph, with the value and gradient of the uncompiled ones."""

import pytest
import torch

from ramify.losses import SegmentationLoss
from tests.losses.modules.table import NAMES, labels_of, logits_for, module, value_and_gradient

# What they cost depends on the features that are there, of which nobody knows the number beforehand.
WITHOUT_A_GRAPH = {"BettiMatching", "PersistentHomology", "Topograph"}
COMPILED = [name for name in NAMES if name not in WITHOUT_A_GRAPH]
# One for every operation that is not PyTorch's own is traced on the way back too; what the graph itself compiles to is
# PyTorch's business.
BACK_TOO = {"CbDice", "DiceCrossEntropy", "SkeletonRecall", "SoftClDice", "TopoClDice"}


def compiled(name: str, **shared: object) -> SegmentationLoss:
    """In one graph or not at all."""
    torch._dynamo.reset()
    backend = "aot_eager" if name in BACK_TOO else "eager"
    made = module(name, **shared)
    made.compile(fullgraph=True, backend=backend, dynamic=False)
    return made


@pytest.mark.parametrize("name", COMPILED)
def test_a_module_is_one_graph(name):
    labels = labels_of()
    logits = logits_for(labels)
    shared = {"to_onehot": True, "drop_background": True, "ignore_label": 255}
    labels[0, 0, 3:6, 3:6] = 255
    more = {"spacing_mm": (0.7, 1.0)} if name in {"Boundary", "CbDice"} else {}
    expected = value_and_gradient(module(name, **shared), logits, labels, **more)
    found = value_and_gradient(compiled(name, **shared), logits, labels, **more)
    torch.testing.assert_close(found, expected)

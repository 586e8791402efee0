"""Every loss module that takes logits, with arguments for small pictures, and pictures for it."""

import importlib.util

import torch
from torch import Tensor

from ramify import losses
from ramify.losses import SegmentationLoss

ARGUMENTS: dict[str, dict[str, object]] = {
    "BettiMatching": {},
    "Boundary": {},
    "CbDice": {"iterations": 3},
    "CentrelineCrossEntropy": {"iterations": 3},
    "Dice": {},
    "DiceCrossEntropy": {},
    "DiceSoftClDice": {"iterations": 3},
    "GeneralisedDice": {"complement": False},
    "PersistentHomology": {"patch_size": 16},
    "SkeletonRecall": {"radius": 1, "over_batch": False},
    "SoftClDice": {"iterations": 3},
    "TopoClDice": {"iterations": 3},
    "Topograph": {},
    "Tversky": {"gamma": 4 / 3},
    "Warping": {},
}
NAMES = sorted(name for name in ARGUMENTS if name != "PersistentHomology" or importlib.util.find_spec("gudhi"))
OVER_BATCH = {"CbDice", "Dice", "DiceCrossEntropy", "DiceSoftClDice", "GeneralisedDice", "SkeletonRecall", "SoftClDice"}
OVER_BATCH |= {"TopoClDice", "Tversky"}


def module(name: str, **shared: object) -> SegmentationLoss:
    """A module of this name, and PyTorch's generator as at every other time."""
    torch.manual_seed(0)
    made: SegmentationLoss = getattr(losses, name)(**{**ARGUMENTS[name], **shared})
    return made


def labels_of(size: tuple[int, ...] = (12, 18), samples: int = 2) -> Tensor:
    """A label map (B, 1, *S) of two classes of vessels, 1 and 2, with a gap in one of the samples."""
    labels = torch.zeros(samples, 1, *size, dtype=torch.int64)
    labels[..., 2:5, 1:-1] = 1
    labels[..., 7:10, 2:] = 2
    labels[0, ..., 2:5, 6:8] = 0
    return labels


def logits_for(labels: Tensor, channels: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    """Logits (B, K, *S) that are right more often than not."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(labels.shape[0], channels, *labels.shape[2:], generator=generator)
    signal = labels == torch.arange(channels).view(-1, *[1] * (labels.ndim - 2))
    return (1.5 * noise + 2.0 * signal - 1.0).to(dtype).requires_grad_()


def value_and_gradient(loss: SegmentationLoss, logits: Tensor, target: Tensor, **more: object) -> tuple[Tensor, Tensor]:
    """The value of a loss, and the gradient of its sum by the logits."""
    torch.manual_seed(0)
    value = loss(logits, target, **more)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    return value.detach(), gradient

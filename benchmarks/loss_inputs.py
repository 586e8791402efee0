"""What the losses are measured on: a phantom's vessels, and what a half-trained network makes of them."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ramify.phantoms.phantom import grow_vessels
from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.settings import PhantomSettings

BODY_MM = 192.0


class LossInputs(NamedTuple):
    """Logits and target, both float32 (1, 1, *S)."""

    logits: Tensor
    target: Tensor


@cache
def phantom_vessels(size: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Vessels of a phantom's two trees on a grid of any size over the same body, bool (*S)."""
    settings = PhantomSettings(size=size, spacing_mm=tuple(BODY_MM / n for n in size))
    _, graph = grow_vessels(settings, seed)
    shares = [rasterise(graph.tree(name), settings.size, settings.spacing_mm) for name in graph.tree_names]
    vessels: np.ndarray = np.logical_or.reduce([share >= 0.5 for share in shares])
    return vessels


def loss_inputs(size: tuple[int, int, int], device: str, seed: int = 0) -> LossInputs:
    """The vessels, and logits that are blurred and noisy around them, with false alarms and gaps."""
    vessels = phantom_vessels(size, seed).astype(np.float32)
    random = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(random.normal(size=size), 1.0)
    logits = 8.0 * (ndimage.gaussian_filter(vessels, 0.7) - 0.4) + 2.0 * noise / noise.std()
    return LossInputs(
        torch.from_numpy(logits.astype(np.float32))[None, None].to(device),
        torch.from_numpy(vessels)[None, None].to(device),
    )

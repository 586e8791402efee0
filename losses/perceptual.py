"""Perceptual loss: prediction and truth compared as a network for images sees them (Mosinska et al. 2018). 2D only."""

from functools import cache
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor
from torch.nn import functional

from ramify.losses.checks import known_part

# VGG-19's convolutions up to conv3_4, by their numbers among its features; those after which it pools; those whose
# features are compared: conv1_2, conv2_2 and conv3_4.
CONVOLUTIONS = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}
CONVOLUTIONS |= {10: (256, 128), 12: (256, 256), 14: (256, 256), 16: (256, 256)}
POOLED_BEFORE = (5, 10)
COMPARED = (2, 7, 16)

_Layers = dict[int, tuple[Tensor, Tensor]]


def perceptual_loss(
    probabilities: Tensor, target: Tensor, *, weights: Path | str | None = None, mask: Tensor | None = None
) -> Tensor:
    """Σ_n mean((l_n(y) - l_n(p))²), l_n the features of VGG-19 after conv1_2, conv2_2 and conv3_4 and their ReLU.

    Mosinska et al. 2018: lines, gaps and blobs differ in the responses of filters that were learned from
    photographs, whose weights stay as they are. Each channel of each sample is a grey image of its own, as it is, in
    [0, 1].

    Args:
        probabilities: (B, C, H, W) in [0, 1], sides of at least 4, any floating type; computed in float32 or better.
        target: (B, C, H, W) in [0, 1] or bool. No gradient reaches it.
        weights: a file with the state dict of VGG-19, `torch.save(torchvision.models.vgg19(...).state_dict(), FILE)`.
            Read once a process.
        mask: bool (B, 1, H, W), the pixels that count; both images are 0 elsewhere. None: all do.

    Returns:
        A scalar of at least 0; exactly 0 for a perfect prediction.

    Raises ValueError where shapes differ or are not of images, probabilities leave [0, 1] (as logits do, and NaN), or
    no weights are given or they are not VGG-19's; OSError where their file cannot be read.

    Examples:
        >>> import torch
        >>> from ramify.losses import perceptual_loss
        >>> perceptual_loss(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
        Traceback (most recent call last):
        ValueError: perceptual: no weights; name a file of VGG-19's with perceptual.weights, none is downloaded
    """
    probabilities, target = known_part(probabilities, target, mask)
    if probabilities.ndim != 4 or min(probabilities.shape[2:]) < 4:
        shape = tuple(probabilities.shape)
        raise ValueError(f"perceptual: VGG-19 sees 2D images, (B, C, H, W) with sides of at least 4, got {shape}")
    if weights is None:
        raise ValueError("perceptual: no weights; name a file of VGG-19's with perceptual.weights, none is downloaded")
    layers = _layers(str(weights), probabilities.device, probabilities.dtype)
    own, truth = (images.flatten(0, 1).unsqueeze(1) for images in (probabilities, target.to(probabilities.dtype)))
    with torch.no_grad():
        wanted = _features(truth, layers)
    found = _features(own, layers)
    return torch.stack([functional.mse_loss(features, truth) for features, truth in zip(found, wanted)]).sum()


def _features(images: Tensor, layers: _Layers) -> list[Tensor]:
    """Of grey images (N, 1, H, W), after each compared convolution."""
    found = []
    for number, (kernel, bias) in layers.items():
        if number in POOLED_BEFORE:
            images = functional.max_pool2d(images, 2)
        images = functional.conv2d(images, kernel, bias, padding=1).relu()
        if number in COMPARED:
            found.append(images)
    return found


@cache
def _layers(path: str, device: torch.device, dtype: torch.dtype) -> _Layers:
    """Kernel and bias of each convolution; the first for one channel, which stands for three that are alike."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError) as broken:
        raise ValueError(f"{path}: no state dict that PyTorch can read; save one with torch.save") from broken
    layers = {}
    for number, shape in CONVOLUTIONS.items():
        names = [f"features.{number}.{part}" for part in ("weight", "bias")]
        kernel, bias = (state.get(name) if isinstance(state, dict) else None for name in names)
        if not isinstance(kernel, Tensor) or not isinstance(bias, Tensor) or kernel.shape != (*shape, 3, 3):
            raise ValueError(
                f"{path}: expected the state dict of torchvision's vgg19, with {names[0]} {(*shape, 3, 3)}"
            )
        kernel = kernel.to(device, dtype)
        layers[number] = (kernel.sum(1, keepdim=True) if number == 0 else kernel, bias.to(device, dtype))
    return layers

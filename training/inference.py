"""From an image to probabilities: the whole volume at once, or by a sliding window."""

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from ramify.training.inference_settings import InferenceSettings

Network = Callable[[torch.Tensor], torch.Tensor]
VESSEL_PROBABILITY = 0.5
"""A voxel is vessel from this probability on."""


class NotFiniteError(ValueError):
    """The network's output is NaN or infinite somewhere; the line says in which part of the image."""


def nan_where_not_finite(probabilities: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Probabilities (B, K, *S), NaN throughout an image of the batch whose logits (B, C, *S) are not all finite.

    Infinite logits make probabilities of 0 and 1 that look like any other.
    """
    finite = torch.isfinite(logits).flatten(1).all(dim=1)
    return probabilities.masked_fill(~finite.view(-1, *[1] * (probabilities.ndim - 1)), torch.nan)


def infer(
    network: Network,
    image: torch.Tensor,
    settings: InferenceSettings,
    patch_size: tuple[int, ...] | None,
    size_multiple: int | Sequence[int],
) -> torch.Tensor:
    """Probabilities of a network over one image.

    Args:
        network: maps (B, C, *s) to probabilities (B, K, *s); s must be a multiple of `size_multiple`.
        image: (1, C, *S), any size.
        settings: window and overlap.
        patch_size: what the network was trained on, or None for whole volumes.
        size_multiple: of the network, of all axes or of each.

    Returns:
        float32 (1, K, *S), on the image's device.

    Raises:
        ValueError: a window that does not fit the image or the network.
        NotFiniteError: the network's output is not finite.

    Examples:
        >>> import torch
        >>> from ramify.training import InferenceSettings, infer
        >>> image = torch.rand(1, 1, 5, 7)
        >>> probabilities = infer(torch.sigmoid, image, InferenceSettings(), patch_size=None, size_multiple=4)
        >>> probabilities.shape, bool(torch.allclose(probabilities, torch.sigmoid(image)))
        (torch.Size([1, 1, 5, 7]), True)
    """
    window = settings.window or patch_size
    check_window(window, image.ndim - 2, size_multiple)
    size = image.shape[2:]
    multiples = [size_multiple] * len(size) if isinstance(size_multiple, int) else size_multiple
    least = window if window is not None else size
    padded = pad_to(image, tuple(max(-(-n // m) * m, w) for n, w, m in zip(size, least, multiples, strict=True)))
    with torch.no_grad():
        if window is None:
            result = network(padded).float()
            if not torch.isfinite(result).all():
                raise NotFiniteError(f"the network's output over the whole volume {tuple(size)} is not finite")
        else:
            # Imported here: it takes seconds, and whole volumes do without.
            from monai.inferers import sliding_window_inference

            result = sliding_window_inference(
                padded,
                roi_size=window,
                sw_batch_size=settings.windows_at_once,
                predictor=lambda windows, places: _finite(network(windows).float(), places),
                with_coord=True,
                overlap=settings.overlap,
                mode="gaussian",
            )
    for axis, n in enumerate(size, start=2):
        result = result.narrow(axis, 0, n)
    return result


def _finite(probabilities: torch.Tensor, places: list[tuple[slice, ...]]) -> torch.Tensor:
    """The windows' probabilities; raises where one of them is not finite, with its place in the image."""
    finite = torch.isfinite(probabilities).flatten(1).all(dim=1)
    if not finite.all():
        place = places[int(torch.nonzero(~finite)[0])][2:]
        voxels = ", ".join(f"{part.start} to {part.stop - 1}" for part in place)
        raise NotFiniteError(f"the network's output in the window of voxels {voxels} is not finite")
    return probabilities


def pad_to(image: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """Image (1, C, *S) grown at its far ends to `size`, each channel filled with its minimum, as in a training."""
    missing = [max(0, wanted - n) for wanted, n in zip(size, image.shape[2:], strict=True)]
    if not any(missing):
        return image
    padding = [amount for n in reversed(missing) for amount in (0, n)]
    channels = (functional.pad(channel, padding, value=float(channel.min())) for channel in image.unbind(1))
    return torch.stack(list(channels), dim=1)


def check_window(window: Sequence[int] | None, ndim: int, size_multiple: int | Sequence[int]) -> None:
    """Raise ValueError for a window that does not fit images of so many dimensions, or the network; None does."""
    if window is not None and len(window) != ndim:
        raise ValueError(f"inference.window: {window} has {len(window)} axes, the image has {ndim}")
    multiples = [size_multiple] * ndim if isinstance(size_multiple, int) else size_multiple
    if window is not None and any(n % multiple for n, multiple in zip(window, multiples, strict=True)):
        multiple_of = multiples[0] if len(set(multiples)) == 1 else tuple(multiples)
        raise ValueError(f"inference.window: {window}: each axis must be a multiple of {multiple_of}")

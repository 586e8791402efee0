"""From an image to probabilities: the whole volume at once, or by a sliding window."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch.nn import functional

from ramify.training.image_slices import ImageSlices
from ramify.training.inference_settings import InferenceSettings
from ramify.training.sliding_window import Network, Place, slide, window_places

VESSEL_PROBABILITY = 0.5
"""A voxel is vessel from this probability on."""


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
    whole = ImageSlices(image[0], image.device)
    multiples = (size_multiple,) * (image.ndim - 2) if isinstance(size_multiple, int) else size_multiple
    return torch.cat([*Windows(whole.shape, settings, patch_size, multiples).over(network, whole)], dim=2)


class Windows:
    """The windows in which a network goes over images of a size.

    Args:
        shape: of the images, *S.
        settings, patch_size: as for `infer`, which says what is raised.
        size_multiples: of the network, for each axis.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        settings: InferenceSettings,
        patch_size: tuple[int, ...] | None,
        size_multiples: Sequence[int],
    ) -> None:
        window = settings.window or patch_size
        check_window(window, len(shape), size_multiples)
        least = window if window is not None else shape
        self._shape, self._at_once = shape, settings.windows_at_once
        self._size = tuple(max(-(-n // m) * m, w) for n, w, m in zip(shape, least, size_multiples, strict=True))
        self._window = window or self._size
        self._places: list[Place] = window_places(self._size, self._window, settings.overlap)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    def over(
        self,
        network: Network,
        image: ImageSlices,
        mirrored: Sequence[int] = (),
        each: Callable[[int], object] = lambda done: None,
    ) -> Iterator[torch.Tensor]:
        """Probabilities of an image in slabs along its first axis, float32 (1, K, n, *S[1:]), as `infer` has them.

        Args:
            network: as for `infer`.
            image: of the shape.
            mirrored: axes along which it runs backwards; so do the probabilities.
            each: told how many more windows are done.
        """
        lowest = image.lowest if self._size != self._shape else None

        def slices(start: int, stop: int) -> torch.Tensor:
            return pad_to(image.part(start, stop, mirrored), (stop - start, *self._size[1:]), lowest)

        left = self._shape[0]
        for slab in slide(network, slices, self._size, self._window, self._places, self._at_once, each):
            for axis, length in enumerate((left, *self._shape[1:]), start=2):
                slab = slab.narrow(axis, 0, min(length, slab.shape[axis]))
            left -= slab.shape[2]
            yield slab


def pad_to(image: torch.Tensor, size: tuple[int, ...], lowest: Sequence[float] | None = None) -> torch.Tensor:
    """Image (1, C, *S) grown at its far ends to `size`, each channel filled with its minimum, as in a training.

    lowest: minima of the image of which this is a part.
    """
    missing = [max(0, wanted - n) for wanted, n in zip(size, image.shape[2:], strict=True)]
    if not any(missing):
        return image
    padding = [amount for n in reversed(missing) for amount in (0, n)]
    fills = lowest or [float(channel.min()) for channel in image.unbind(1)]
    channels = zip(image.unbind(1), fills, strict=True)
    return torch.stack([functional.pad(channel, padding, value=fill) for channel, fill in channels], dim=1)


def check_window(window: Sequence[int] | None, ndim: int, size_multiples: Sequence[int]) -> None:
    """Raise ValueError for a window that does not fit images of so many dimensions, or the network; None does."""
    if window is not None and len(window) != ndim:
        raise ValueError(f"inference.window: {window} has {len(window)} axes, the image has {ndim}")
    if window is not None and any(n % multiple for n, multiple in zip(window, size_multiples, strict=True)):
        multiple_of = size_multiples[0] if len(set(size_multiples)) == 1 else tuple(size_multiples)
        raise ValueError(f"inference.window: {window}: each axis must be a multiple of {multiple_of}")

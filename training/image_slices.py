"""An image as a network looks at it: some slices at a time, mirrored perhaps, on the network's device."""

from collections.abc import Sequence
from functools import cached_property

import torch


class ImageSlices:
    """An image that need not lie where the network does, nor in memory.

    Args:
        image: (C, *S).
        device: of the network.
    """

    def __init__(self, image: torch.Tensor, device: torch.device) -> None:
        self._image, self._device = image, device

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the image, *S."""
        return tuple(self._image.shape[1:])

    @cached_property
    def lowest(self) -> list[float]:
        """The least value of each channel."""
        return [float(channel.min()) for channel in self._image]

    def part(self, start: int, stop: int, mirrored: Sequence[int] = ()) -> torch.Tensor:
        """Slices start … stop along the first axis, as far as there are any, (1, C, n, *S[1:]).

        mirrored: axes along which the image runs backwards.
        """
        length = self.shape[0]
        first, last = min(start, length), min(stop, length)
        if 0 in mirrored:
            first, last = length - last, length - first
        part = self._image[None, :, first:last].to(self._device)
        return part.flip([2 + axis for axis in mirrored]) if mirrored else part

"""What a batch's predictions are held against."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Truth:
    """The drawn truth of a batch.

    Examples:
        >>> import torch
        >>> from ramify.losses import Truth
        >>> truth = Truth(torch.tensor([[[0, 0, 0, 2], [0, 1, 0, 0]]]))
        >>> truth.coarser((1, 2)).scale_map.tolist()
        [[[1, 2]]]
    """

    scale_map: Tensor
    """The scale of each voxel: integers (B, *S), 0 background, 1 … S."""
    tubed_skeleton: Tensor | None = None
    """Bool (B, *S): the vessels' skeleton widened inside them, made ahead of training (Kirchhoff et al. 2024)."""
    spacing_mm: Tensor | None = None
    """Voxel size of each sample (B, ndim), z, y, x; 1 mm where it is not given."""

    def coarser(self, size: Sequence[int]) -> "Truth":
        """The truth on a coarser grid whose axes divide these: in each block the largest label, and tube where any is.

        Thin vessels stay, where the nearest voxel alone would lose them.
        """
        tube = None if self.tubed_skeleton is None else _block_maximum(self.tubed_skeleton, size)
        factors = [n // m for n, m in zip(self.scale_map.shape[1:], size, strict=True)]
        spacing = None if self.spacing_mm is None else self.spacing_mm * self.spacing_mm.new_tensor(factors)
        return Truth(_block_maximum(self.scale_map, size), tube, spacing)


def _block_maximum(values: Tensor, size: Sequence[int]) -> Tensor:
    """The largest value in each block of (B, *S), for a grid of `size`."""
    if any(n % m for n, m in zip(values.shape[1:], size, strict=True)):
        raise ValueError(f"size: expected divisors of {tuple(values.shape[1:])}, got {tuple(size)}")
    for axis, parts in enumerate(size, start=1):
        values = values.unflatten(axis, (parts, -1))
        values = values.any(axis + 1) if values.dtype == torch.bool else values.amax(axis + 1)
    return values

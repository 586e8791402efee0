"""What a batch's predictions are held against, on its own grid and on coarser ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Truth:
    """The drawn truth of a batch.

    Examples:
        >>> import torch
        >>> from ramify.losses import Truth
        >>> truth = Truth(torch.tensor([[[0, 0, 0, 2], [0, 1, 0, 2]]]))
        >>> truth.mask(range(1, 3)).int().tolist()  # a vessel of either scale
        [[[0, 0, 0, 1], [0, 1, 0, 1]]]
        >>> truth.coarser((1, 2)).mask(range(1, 2)).int().tolist()
        [[[1, 0]]]
    """

    scale_map: Tensor
    """The scale of each voxel: integers (B, *S), 0 background, 1 … S."""
    tubed_skeleton: Tensor | None = None
    """Bool (B, *S): the vessels' skeleton widened inside them, made ahead of training (Kirchhoff et al. 2024)."""
    spacing_mm: Tensor | None = None
    """Voxel size of each sample (B, ndim), z, y, x; 1 mm where it is not given."""

    def mask(self, labels: range) -> Tensor:
        """Where the scale is one of these, bool (B, *S)."""
        if len(labels) == 1:
            return self.scale_map == labels.start
        return (self.scale_map >= labels.start) & (self.scale_map < labels.stop)

    def tube(self, labels: range) -> Tensor | None:
        """The tubed skeleton of the vessels of these scales, bool (B, *S); None where none was given."""
        return None if self.tubed_skeleton is None else self.tubed_skeleton & self.mask(labels)

    def exclusive_labels(self, n_scales: int) -> Tensor:
        """One label a voxel, where scales exclude one another: the scale map."""
        return self.scale_map

    def coarser(self, size: Sequence[int]) -> "CoarserTruth":
        """The truth on a coarser grid whose axes divide these."""
        return CoarserTruth(self, size)


class CoarserTruth:
    """A truth on a grid of blocks: each mask by itself, which is wherever it has a voxel in the block.

    So a thin vessel stays, which the nearest voxel alone would lose, and stays of its scale beside a thick one. A block
    of several scales is in the mask of each; where scales exclude one another, it has the scale of most of its vessel
    voxels, the smaller one of two that have as many. (The largest label, or the smallest, would always take such blocks
    from the same scale: at 1/8 of the resolution four in ten of the small ones, or half of the large ones.)

    Args:
        fine: the truth on its own grid, (B, *S).
        size: axes of the grid of blocks, divisors of S.

    Raises ValueError where the axes do not divide.
    """

    def __init__(self, fine: Truth, size: Sequence[int]) -> None:
        shape = fine.scale_map.shape[1:]
        if len(size) != len(shape) or any(m < 1 or n % m for n, m in zip(shape, size)):
            raise ValueError(f"size: expected divisors of {tuple(shape)}, got {tuple(size)}")
        self._fine, self._size = fine, tuple(size)
        factors = [n // m for n, m in zip(shape, size)]
        self.spacing_mm = None if fine.spacing_mm is None else fine.spacing_mm * fine.spacing_mm.new_tensor(factors)

    def mask(self, labels: range) -> Tensor:
        """The blocks that hold a voxel of these scales, bool (B, *s)."""
        return self._any(self._fine.mask(labels))

    def tube(self, labels: range) -> Tensor | None:
        """The blocks that hold a voxel of these scales' tubed skeleton, bool (B, *s); None where none was given."""
        tube = self._fine.tube(labels)
        return None if tube is None else self._any(tube)

    def exclusive_labels(self, n_scales: int) -> Tensor:
        """One label a block, (B, *s): the scale of most of its vessel voxels, 0 where it has none."""
        scale_map = self._fine.scale_map
        labels = scale_map.new_zeros((scale_map.shape[0], *self._size))
        most = torch.zeros_like(labels, dtype=torch.int32)
        for scale in range(1, 1 + n_scales):
            voxels = self._count(scale_map == scale)
            labels = torch.where(voxels > most, scale, labels)
            most = torch.maximum(voxels, most)
        return labels

    def _any(self, mask: Tensor) -> Tensor:
        # Whole slices against one another: a reduction over an axis of a few voxels takes many times as long on a CPU.
        return self._reduced(torch.logical_or, mask)

    def _count(self, mask: Tensor) -> Tensor:
        return self._reduced(torch.add, mask.to(torch.int32))

    def _reduced(self, operation: Callable[[Tensor, Tensor], Tensor], values: Tensor) -> Tensor:
        """Values (B, *S) taken together within each block, (B, *s)."""
        for axis, parts in enumerate(self._size, start=1):
            values = reduce(operation, values.unflatten(axis, (parts, -1)).unbind(axis + 1))
        return values

"""What a batch's predictions are held against, on its own grid and on coarser ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Literal

import torch
from torch import Tensor

from ramify.tasks.class_table import IGNORED
from ramify.tasks.members import Members

Exclusive = Literal["classes", "scales"]
"""What excludes one another, where a task is one label a voxel."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The drawn truth of a batch.

    Examples:
        >>> import torch
        >>> from ramify.losses import Truth
        >>> from ramify.tasks import Members
        >>> truth = Truth(torch.tensor([[[0, 0, 0, 2], [0, 1, 0, 2]]]))
        >>> truth.mask(Members()).int().tolist()  # a vessel of either scale
        [[[0, 0, 0, 1], [0, 1, 0, 1]]]
        >>> truth.coarser((1, 2)).mask(Members(scales=range(1, 2))).int().tolist()
        [[[1, 0]]]
    """

    scale_map: Tensor
    """The scale of each voxel: integers (B, *S), 0 where no vessel is, 1 … S."""
    tubed_skeleton: Tensor | None = None
    """Bool (B, *S): the vessels' skeleton widened inside them, made ahead of training (Kirchhoff et al. 2024)."""
    spacing_mm: Tensor | None = None
    """Voxel size of each sample (B, ndim), z, y, x; 1 mm where it is not given."""
    class_map: Tensor | None = None
    """The class of each voxel by number: integers (B, *S), 0 background, IGNORED where nobody knows; None where vessels
    are the only class."""
    on_host: "Truth | None" = None
    """The same in host memory, where it lies on a GPU: what depends on its values is asked there, and nobody waits for
    the GPU to answer. None where it lies in host memory itself, or nowhere else."""

    @property
    def asked(self) -> "Truth":
        """Where its values are asked for: in host memory, if they are there."""
        return self if self.on_host is None else self.on_host

    @property
    def answers_at_once(self) -> bool:
        """Whether its values can be asked without waiting for a GPU."""
        return self.asked.scale_map.device.type == "cpu"

    def mask(self, members: Members) -> Tensor:
        """Where the voxels are some of these, bool (B, *S)."""
        mask: Tensor = members.mask_in(self.scale_map, self.class_map)
        return mask

    def tube(self, members: Members) -> Tensor | None:
        """The tubed skeleton of these vessels, bool (B, *S); None where none was given."""
        return None if self.tubed_skeleton is None else self.tubed_skeleton & self.mask(members)

    @cached_property
    def ignored(self) -> Tensor | None:
        """Where nobody knows what is right, bool (B, *S); None where everything is known."""
        if self.class_map is None:
            return None
        if self.on_host is not None:
            return None if self.on_host.ignored is None else self.class_map == IGNORED
        ignored = self.class_map == IGNORED
        return ignored if ignored.any() else None

    def exclusive_labels(self, of: Exclusive, count: int) -> Tensor:
        """One label a voxel, where classes or scales exclude one another: 0 background, 1 … `count`; integers (B, *S).

        Ignored voxels are labelled as background.
        """
        if of == "scales":
            return self.scale_map
        return (self.scale_map > 0).long() if self.class_map is None else self.class_map % IGNORED

    def coarser(self, size: Sequence[int]) -> "CoarserTruth":
        """The truth on a coarser grid whose axes divide these."""
        return CoarserTruth(self, size)


class CoarserTruth:
    """A truth on a grid of blocks: each mask by itself, which is wherever it has a voxel in the block.

    So a thin vessel stays, which the nearest voxel alone would lose, and stays of its scale beside a thick one. A block
    of several scales (or classes) is in the mask of each; where they exclude one another, it has that of most of its
    vessel voxels, the smaller one of two that have as many. (The largest label, or the smallest, would always take such
    blocks from the same scale: at 1/8 of the resolution four in ten of the small ones, or half of the large ones.)

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
        self.spacing_mm = None
        if fine.spacing_mm is not None:
            # Axis by axis, since a tensor of the factors would have to be sent.
            sides = fine.spacing_mm.unbind(-1)
            self.spacing_mm = torch.stack([side * factor for side, factor in zip(sides, factors, strict=True)], dim=-1)

    def mask(self, members: Members) -> Tensor:
        """The blocks that hold one of these voxels, bool (B, *s)."""
        return self._any(self._fine.mask(members))

    def tube(self, members: Members) -> Tensor | None:
        """The blocks that hold a voxel of these vessels' tubed skeleton, bool (B, *s); None where none was given."""
        tube = self._fine.tube(members)
        return None if tube is None else self._any(tube)

    @cached_property
    def ignored(self) -> Tensor | None:
        """The blocks with an unknown voxel and none of a known class, bool (B, *s); None where all is known."""
        fine, class_map = self._fine.ignored, self._fine.class_map
        if fine is None or class_map is None:
            return None
        return self._any(fine) & ~self._any(class_map % IGNORED > 0)

    def exclusive_labels(self, of: Exclusive, count: int) -> Tensor:
        """One label a block, (B, *s): that of most of its voxels that have one, 0 where none has."""
        fine = self._fine.exclusive_labels(of, count)
        labels = fine.new_zeros((fine.shape[0], *self._size))
        most = torch.zeros_like(labels, dtype=torch.int32)
        for label in range(1, 1 + count):
            voxels = self._count(fine == label)
            labels = torch.where(voxels > most, label, labels)
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

"""One round of the soft skeleton, and the way back through it, as plain tensor operations on any device.

Pooling over a box is pooling along its axes, one after the other, and the best of three is the best of two pairs. Back
through that, the second of a pair gets the gradient only where it is better than the first: of equals, the first voxel
of the window in row-major order gets it all, as in PyTorch's own pooling.

Along an axis, neighbours are a fixed step apart in memory. Operations run over all of it at once, which is faster than
row by row; what they make of the end of one row and the start of the next is overwritten, or multiplied by 0.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

# Voxels worked on at a time: on a CPU as many as stay in its cache, on a GPU as many as keep it busy.
SLAB_CPU = 2**18
SLAB_GPU = 2**24
# What stands for unknown voxels in minima and in maxima: beyond all values there are, so that none is ever chosen, but
# by so little that a product of what comes of them never grows.
HIGH, LOW = 1.0 + 2.0**-20, -(2.0**-20)

Stage = tuple[int, "_Field", "_Field"]  # an axis, what is pooled along it, and the best of each pair


class PlainRounds:
    """Rounds on contiguous volumes (L, *S), of one shape, type and device; later ones may be fewer, not more.

    A round takes the image I and the product so far. With E the erosion over the cross, D the dilation over the box and
    δ = ReLU(I - D(E(I))), it gives E(I) and the product times factor[0] + factor[1] δ, where factor[0] is 0 or 1.

    Unknown voxels, bool (L, *S), are in no minimum and in no maximum, as if the volume ended there. Images are HIGH in
    them; what becomes of the product there means nothing.
    """

    def __init__(self, volumes: Tensor) -> None:
        size, voxels = volumes.shape[1], volumes.numel()
        # Memory for a slab is ten times its size: half a small volume is enough.
        at_a_time = min(SLAB_CPU, voxels // 2) if volumes.device.type == "cpu" else SLAB_GPU
        step = max(1, min(size, at_a_time * size // voxels)) if len(volumes) == 1 else size
        self._slabs = [slice(start, min(start + step, size)) for start in range(0, size, step)]
        self._scratch = _Scratch(volumes, voxels // size * min(step + 2, size))
        self._spare = volumes.new_empty(0)

    def forward(
        self,
        image: Tensor,
        product: Tensor,
        factor: tuple[float, float],
        eroded: Tensor,
        next_product: Tensor,
        unknown: Tensor | None = None,
    ) -> None:
        """Fill `eroded` with E(I), and `next_product`, which may be `product` itself."""
        for slab in self._slabs:
            with self._scratch.frame():
                self._erode(image, slab, eroded)
        if unknown is not None:
            eroded.masked_fill_(unknown, LOW)
        for slab in self._slabs:
            with self._scratch.frame():
                residue, _ = self._residue(image, eroded, slab)
                before, after = product[:, slab], next_product[:, slab]
                if factor[0]:
                    torch.addcmul(before, before, residue, value=factor[1], out=after)
                else:
                    torch.mul(before, residue.mul_(factor[1]), out=after)
        if unknown is not None:
            eroded.masked_fill_(unknown, HIGH)

    def backward(
        self,
        image: Tensor,
        eroded: Tensor,
        product: Tensor,
        slope: float,
        upstream: Tensor,
        gradient: Tensor,
        unknown: Tensor | None = None,
    ) -> Tensor:
        """Go back through a round.

        Args:
            image, eroded, product: I, E(I), which is not needed afterwards, and the product before the round.
            slope: factor[1].
            upstream: (L, *S), the skeleton's gradient times the factors of all later rounds; then also this round's.
            gradient: (L, *S), the derivative by E(I) through later rounds; overwritten.
            unknown: bool (L, *S); `upstream` and `gradient` are 0 there.

        Returns:
            The derivative by I.
        """
        by_image = self._spare if self._spare.shape == image.shape else torch.empty_like(image)
        if unknown is not None:
            eroded.masked_fill_(unknown, LOW)
        for slab in self._slabs:
            with self._scratch.frame():
                residue, stages = self._residue(image, eroded, slab)
                arriving = torch.mul(upstream[:, slab], product[:, slab], out=by_image[:, slab])
                upstream[:, slab].addcmul_(upstream[:, slab], residue, value=slope)
                arriving.mul_(residue.sign_())
                self._subtract_dilation_gradient(arriving, slab, stages, gradient)
        for slab in self._slabs:
            with self._scratch.frame():
                self._add_erosion_gradient(image, slab, gradient, by_image)
        self._spare = gradient
        return by_image

    def _erode(self, image: Tensor, slab: slice, eroded: Tensor) -> None:
        """Fill a slab of `eroded` with the minimum over each voxel and its neighbours by face."""
        last = image.ndim - 1
        values, minima = _Field(image[:, slab]), _Field(eroded[:, slab])
        self._pool(values, last, torch.minimum, minima)
        for axis in range(2, last):
            length = image.shape[axis] - 1
            for own, other in ((0, 1), (1, 0)):
                here = minima.grid.narrow(axis, own, length)
                torch.minimum(here, values.grid.narrow(axis, other, length), out=here)
        first, stop = max(slab.start, 1), min(slab.stop, image.shape[1] - 1)
        for here, there in (
            (eroded[:, first : slab.stop], image[:, first - 1 : slab.stop - 1]),
            (eroded[:, slab.start : stop], image[:, slab.start + 1 : stop + 1]),
        ):
            torch.minimum(here, there, out=here)

    def _residue(self, image: Tensor, eroded: Tensor, slab: slice) -> tuple[Tensor, list[Stage]]:
        """δ of a slab, and what the way back through the dilation needs."""
        wide, inside = _with_neighbours(slab, eroded.shape[1])
        values = _Field(eroded[:, wide])
        stages = []
        for axis in reversed(range(1, eroded.ndim)):
            pairs, pooled = self._pool(values, axis, torch.maximum)
            stages.append((axis, values, pairs))
            values = pooled
        opened = values.grid[:, inside]
        return torch.sub(image[:, slab], opened, out=self._scratch.take(opened.shape).grid).relu_(), stages

    def _subtract_dilation_gradient(self, arriving: Tensor, slab: slice, stages: list[Stage], total: Tensor) -> None:
        """Subtract from `total` what a slab's gradient sends back through the dilation."""
        wide, inside = _with_neighbours(slab, total.shape[1])
        gradient = self._padded(arriving, wide, inside)
        for axis, values, pairs in reversed(stages):
            self._unpool(values, pairs, gradient, axis, torch.gt)
        total[:, wide].sub_(gradient.grid)

    def _add_erosion_gradient(self, image: Tensor, slab: slice, arriving: Tensor, total: Tensor) -> None:
        """Add to `total` what a slab of `arriving` sends back through the erosion.

        The erosion is the lesser of the minimum along the last axis and that along those before it, which is again the
        lesser of two; equal ones take half each.
        """
        wide, inside = _with_neighbours(slab, image.shape[1])
        values = [_Field(image[:, wide]), *[_Field(image[:, slab])] * (image.ndim - 2)]  # of each axis
        stages = [self._pool(of_axis, axis, torch.minimum) for axis, of_axis in enumerate(values, start=1)]
        pooled = [stages[0][1].grid[:, inside], *(minima.grid for _, minima in stages[1:])]
        least = pooled[:1]  # along all axes so far
        for minima in pooled[1:-1]:
            least.append(torch.minimum(least[-1], minima, out=self._scratch.take(minima.shape).grid))
        remaining, own_total, weight = arriving[:, slab], total[:, slab], 1.0
        for axis in range(image.ndim - 1, 1, -1):
            weight /= 2.0
            with self._scratch.frame():
                own, lost = self._scratch.take(remaining.shape), self._scratch.take(remaining.shape).grid
                torch.sub(pooled[axis - 1], least[axis - 2], out=lost).sign_()
                # Of two halves, 0, 1 or 2 go to this axis, the others to those before it.
                torch.addcmul(remaining, remaining, lost, value=-1.0, out=own.grid)
                remaining.addcmul_(remaining, lost)
                self._unpool(values[axis - 1], stages[axis - 1][0], own, axis, torch.lt)
                own_total.add_(own.grid, alpha=weight)
        own = self._padded(remaining, wide, inside)
        self._unpool(values[0], stages[0][0], own, 1, torch.lt)
        total[:, wide].add_(own.grid, alpha=weight)

    def _padded(self, values: Tensor, wide: slice, inside: slice) -> "_Field":
        """Values of a slab, and zeros for its neighbours."""
        padded = self._scratch.take((values.shape[0], wide.stop - wide.start, *values.shape[2:]))
        padded.grid[:, : inside.start] = 0.0
        padded.grid[:, inside] = values
        padded.grid[:, inside.stop :] = 0.0
        return padded

    def _pool(
        self, values: "_Field", axis: int, best: Callable[..., Tensor], out: "_Field | None" = None
    ) -> tuple["_Field", "_Field"]:
        """Along an axis, the best of each voxel and the next, and the best of windows of three cut off at the ends."""
        pooled = self._scratch.take(values.grid.shape) if out is None else out
        pairs = self._scratch.take(values.grid.shape)
        of_values, of_pairs, of_pooled = values.along(axis), pairs.along(axis), pooled.along(axis)
        best(of_values.lower, of_values.upper, out=of_pairs.lower)
        of_pairs.last.copy_(of_values.last)
        best(of_pairs.lower, of_pairs.upper, out=of_pooled.upper)
        of_pooled.first.copy_(of_pairs.first)
        return pairs, pooled

    def _unpool(
        self, values: "_Field", pairs: "_Field", gradient: "_Field", axis: int, better: Callable[..., Tensor]
    ) -> None:
        """Turn the derivative by what `_pool` made of the values into that by the values."""
        if values.grid.shape[axis] == 1:
            return
        with self._scratch.frame():
            by_pairs, second = self._scratch.take(values.grid.shape), self._scratch.take(values.grid.shape)
            of_values, of_pairs, of_gradient = values.along(axis), pairs.along(axis), gradient.along(axis)
            to_pairs, of_second = by_pairs.along(axis), second.along(axis)
            # Whether a window takes the pair that starts in its middle rather than the one before; the first has none.
            better(of_pairs.upper, of_pairs.lower, out=of_second.upper)
            of_second.first.fill_(1.0)
            torch.addcmul(of_gradient.upper, of_gradient.upper, of_second.upper, value=-1.0, out=to_pairs.lower)
            to_pairs.end.zero_()
            by_pairs.grid.addcmul_(gradient.grid, second.grid)
            # Whether a pair takes its second voxel. The last of a row, which has none, got no gradient.
            better(of_values.upper, of_values.lower, out=of_second.lower)
            of_second.end.zero_()
            torch.addcmul(by_pairs.grid, by_pairs.grid, second.grid, value=-1.0, out=gradient.grid)
            of_gradient.upper.addcmul_(to_pairs.lower, of_second.lower)


class _Along(NamedTuple):
    """Parts of a tensor along an axis."""

    lower: Tensor  # flat, without the last step
    upper: Tensor  # flat, without the first step: next to each of `lower`
    end: Tensor  # flat, the last step
    first: Tensor  # the first position along the axis
    last: Tensor  # the last one


class _Field:
    """A contiguous tensor with its parts at hand: making a view takes as long as adding up thousands of voxels."""

    def __init__(self, grid: Tensor) -> None:
        self.grid = grid
        self._parts: dict[int, _Along] = {}

    def along(self, axis: int) -> _Along:
        """Parts along an axis."""
        parts = self._parts.get(axis)
        if parts is None:
            flat, step = self.grid.view(-1), math.prod(self.grid.shape[axis + 1 :])
            first, last = self.grid.select(axis, 0), self.grid.select(axis, -1)
            parts = self._parts[axis] = _Along(flat[:-step], flat[step:], flat[-step:], first, last)
        return parts


class _Scratch:
    """Memory for one slab, used again for the next: a CPU spends more on fresh memory than on the arithmetic."""

    def __init__(self, like: Tensor, capacity: int) -> None:
        self._like, self._capacity = like, capacity
        self._blocks: list[Tensor] = []
        self._fields: dict[tuple[int, Sequence[int]], _Field] = {}
        self._used = 0

    def take(self, shape: Sequence[int]) -> _Field:
        """A field that nobody uses, of at most the capacity; its values are whatever they were."""
        number = self._used
        self._used += 1
        field = self._fields.get((number, shape))
        if field is None:
            if number == len(self._blocks):
                self._blocks.append(self._like.new_zeros(self._capacity))
            field = self._fields[number, shape] = _Field(self._blocks[number][: math.prod(shape)].view(shape))
        return field

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Everything taken within is given back at the end."""
        used = self._used
        yield
        self._used = used


def _with_neighbours(slab: slice, size: int) -> tuple[slice, slice]:
    """A slab with the positions next to it, and where in that it lies itself."""
    wide = slice(max(slab.start - 1, 0), min(slab.stop + 1, size))
    return wide, slice(slab.start - wide.start, slab.stop - wide.start)

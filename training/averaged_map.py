"""The mean of maps that come one after the other, and how far they lie apart, with none of them kept."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ramify.data.large_arrays import release, slabs, zeros


class AveragedMap:
    """Mean and, where asked for, spread of maps of one shape (Welford 1962: no large sums are subtracted).

    mean_k = mean_{k-1} + (p_k − mean_{k-1}) / k and M_k = M_{k-1} + (1 − 1/k) (p_k − mean_{k-1})². The mean of a single
    map is that map, and of n equal ones as well, to the last bit; their spread is 0.

    Args:
        shape: of the maps, (C, *S).
        with_spread: keep M, too: one more map.

    Attributes:
        mean: of the maps so far, float32 (C, *S); large ones are in a file, see `data.large_arrays`.

    Examples:
        >>> import torch
        >>> from ramify.training.averaged_map import AveragedMap
        >>> averaged = AveragedMap((1, 1), with_spread=True)
        >>> for number, value in enumerate((0.2, 0.6), 1):
        ...     averaged.add(torch.tensor([[value]]), number)
        >>> round(averaged.mean.item(), 6), round(averaged.spread().item(), 6)
        (0.4, 0.2)
    """

    def __init__(self, shape: Sequence[int], *, with_spread: bool = False) -> None:
        self._count = 0
        self.mean: NDArray[np.float32] = zeros(shape, np.float32)
        self._squares: NDArray[np.float32] | None = zeros(shape, np.float32) if with_spread else None

    def add(self, values: torch.Tensor, number: int, rows: slice = slice(None)) -> None:
        """Take a slab of one more map, float32 (C, n, *S[1:]); it is written over.

        number: of the map, from 1; all of one is added before the next begins.
        rows: where along the first axis of S the slab lies.
        """
        self._count = number
        mean = torch.from_numpy(self.mean[:, rows])
        deviation = values.sub_(mean) if number > 1 else values
        if self._squares is not None and number > 1:
            torch.from_numpy(self._squares[:, rows]).addcmul_(deviation, deviation, value=1 - 1 / number)
        mean.add_(deviation, alpha=1 / number)
        release(self.mean, *([] if self._squares is None else [self._squares]))

    def spread(self) -> NDArray[np.float32]:
        """Standard deviation √(M / n) of the maps so far, of several channels the largest, float32 (*S)."""
        if self._squares is None:
            raise ValueError("spread: was not kept; ask for it with with_spread=True")
        found: NDArray[np.float32] = zeros(self.mean.shape[1:], np.float32)
        for rows in slabs(found, self._squares, row_bytes=self._squares[:, :1].nbytes):
            found[rows] = (torch.from_numpy(self._squares[:, rows]) / self._count).sqrt_().amax(dim=0).numpy()
        return found

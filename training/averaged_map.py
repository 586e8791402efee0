"""The mean of maps that come one after the other, and how far they lie apart, with none of them kept."""

import torch


class AveragedMap:
    """Mean and, where asked for, spread of n maps of one shape (Welford 1962: no large sums are subtracted).

    mean_k = mean_{k-1} + (p_k − mean_{k-1}) / k and M_k = M_{k-1} + (1 − 1/k) (p_k − mean_{k-1})². The mean of a single
    map is that map, and of n equal ones as well, to the last bit; their spread is 0.

    Args:
        with_spread: keep M, too: one more map in memory.

    Examples:
        >>> import torch
        >>> from ramify.training.averaged_map import AveragedMap
        >>> averaged = AveragedMap(with_spread=True)
        >>> for value in (0.2, 0.6):
        ...     averaged.add(torch.tensor([value]))
        >>> round(averaged.mean.item(), 6), round(averaged.spread.item(), 6)
        (0.4, 0.2)
    """

    def __init__(self, *, with_spread: bool = False) -> None:
        self._with_spread, self._count = with_spread, 0
        self._mean = self._squares = torch.zeros(0)

    def add(self, values: torch.Tensor) -> None:
        """Take one more map, float32 (*S); it is written over."""
        self._count += 1
        if self._count == 1:
            self._mean = values
            self._squares = torch.zeros_like(values) if self._with_spread else self._squares
            return
        deviation = values.sub_(self._mean)
        if self._with_spread:
            self._squares.addcmul_(deviation, deviation, value=1 - 1 / self._count)
        self._mean.add_(deviation, alpha=1 / self._count)

    @property
    def mean(self) -> torch.Tensor:
        """Of the maps so far, (*S)."""
        return self._mean

    @property
    def spread(self) -> torch.Tensor:
        """Standard deviation √(M / n) of the maps so far, (*S)."""
        if not self._with_spread:
            raise ValueError("spread: was not kept; ask for it with with_spread=True")
        return (self._squares / self._count).sqrt_()

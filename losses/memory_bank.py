"""Anchors of past steps: a contrast over more of them than a batch holds (future work in Sadikine et al. 2023)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ramify.losses.host_rows import rows_with


class MemoryBank:
    """The latest anchors of every scale, without gradient; the oldest make room for the newest.

    Args:
        capacity: most anchors kept a scale, at least 1.

    The present anchors are contrasted with those of one larger batch, whose other members were computed by the network
    as it was then and stay where they were; the mean is over the present ones.

    Examples:
        >>> import torch
        >>> from ramify.losses import MemoryBank
        >>> bank = MemoryBank(capacity=1)
        >>> bank.push(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([1, 1]))
        >>> embeddings, labels = bank.joined(torch.tensor([[-1.0, 0.0]]), torch.tensor([1]))
        >>> embeddings.tolist()  # the given anchor, then the latest of the past
        [[-1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity: expected at least 1 anchor a scale, got {capacity}")
        self.capacity = capacity
        self._kept: dict[int, Tensor] = {}

    def joined(self, embeddings: Tensor, anchor_scales: Tensor) -> tuple[Tensor, Tensor]:
        """The given anchors, (N, E) with their scales (N,) in host memory, followed by everything in the bank."""
        for anchors in self._kept.values():
            if anchors.shape[1] != embeddings.shape[1]:
                raise ValueError(
                    f"memory bank: expected anchors of {embeddings.shape[1]} numbers as the network's projections, got "
                    f"{anchors.shape[1]}; go on from a checkpoint of the same network"
                )
        kept = [anchors.to(embeddings, non_blocking=True) for anchors in self._kept.values()]
        kept_scales = [anchor_scales.new_full((len(anchors),), scale) for scale, anchors in self._kept.items()]
        return torch.cat((embeddings, *kept)), torch.cat((anchor_scales, *kept_scales))

    def push(self, embeddings: Tensor, anchor_scales: Tensor) -> None:
        """Keep anchors (N, E) with their scales (N,) in host memory, the last ones where there are too many."""
        embeddings = embeddings.detach()
        for scale in torch.unique(anchor_scales).tolist():
            new = rows_with(embeddings, anchor_scales, scale)
            # A restored bank lies on the CPU until its first new anchors come.
            before = self._kept.get(scale, new[:0]).to(new, non_blocking=True)
            self._kept[scale] = torch.cat((before, new))[-self.capacity :].clone()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {str(scale): anchors.cpu() for scale, anchors in self._kept.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave; ValueError for what it cannot have given."""
        for scale, anchors in state.items():
            if not scale.isdecimal():
                raise ValueError(f"memory bank: expected anchors by the number of their scale, got {scale!r:.60}")
            if not isinstance(anchors, Tensor) or anchors.ndim != 2 or not anchors.is_floating_point():
                raise ValueError(f"memory bank: expected the anchors of scale {scale} as floats (N, E)")
            if len(anchors) > self.capacity:
                raise ValueError(f"memory bank: {len(anchors)} anchors of scale {scale}, it keeps {self.capacity}")
        self._kept = {int(scale): anchors for scale, anchors in state.items()}

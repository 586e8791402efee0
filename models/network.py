"""What all networks have in common: which images they take, and what they give back."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ramify.models.blocks import check_at_least, layers_of
from ramify.models.outputs import TaskOutputs


class Network(nn.Module):
    """Base of every network: image (B, C, *S) -> TaskOutputs.

    Args:
        in_channels: channels C of the image.
        ndim: 2 or 3.
        size_multiple: every axis of an image must be a multiple of this; padding is the caller's.

    Attributes:
        auxiliary_parts: how the names of those weights begin that training alone needs; inference leaves them out.

    Examples:
        >>> import torch
        >>> from ramify.models import Network, TaskOutputs
        >>> class Threshold(Network):
        ...     def forward(self, image):
        ...         return TaskOutputs(image - 100.0)
        ...
        >>> Threshold(in_channels=1, ndim=2, size_multiple=1)(torch.full((1, 1, 1, 2), 130.0)).logits.tolist()
        [[[[30.0, 30.0]]]]
    """

    auxiliary_parts: tuple[str, ...] = ()

    def __init__(self, in_channels: int, ndim: int, size_multiple: int) -> None:
        super().__init__()
        check_at_least("in_channels", in_channels, 1)
        layers_of(ndim)
        self.in_channels = in_channels
        self.ndim = ndim
        self.size_multiple = size_multiple

    def forward(self, image: Tensor) -> TaskOutputs:
        """In training every task; in evaluation what inference reads, the main task, and others where they are free."""
        raise NotImplementedError

    def every_task(self, image: Tensor) -> TaskOutputs:
        """Every task, in evaluation too."""
        outputs: TaskOutputs = self(image)
        return outputs

    def main_state(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights of a state dict that inference needs."""
        return {name: value for name, value in state.items() if not name.startswith(self.auxiliary_parts)}

    def check_image(self, image: Tensor) -> None:
        """Raise ValueError for another number of dimensions or channels, or a size that is not a multiple.

        Not while torch.jit.trace records: it would take each answer for that of every later image.
        """
        if torch.jit.is_tracing():
            return
        shape = tuple(image.shape)
        if image.ndim != self.ndim + 2:
            raise ValueError(
                f"image: expected {self.ndim + 2} axes (batch, channel, {self.ndim} of space), got {shape}"
            )
        if shape[1] != self.in_channels:
            raise ValueError(f"image: expected {self.in_channels} channel(s) on axis 1, got {shape[1]} in {shape}")
        size = shape[2:]
        if any(n < 1 or n % self.size_multiple for n in size):
            raise ValueError(
                f"image: size {size} is not a multiple of {self.size_multiple} along every axis; "
                "pad it or use fewer levels"
            )

    def check_batch_norm(self, image: Tensor) -> None:
        """Raise ValueError for a training batch that leaves batch norm a single value at the deepest level."""
        shape = tuple(image.shape)
        if self.training and shape[0] * self.deepest_voxels(image) < 2:
            raise ValueError(
                f"image: {shape} leaves batch norm one value a channel at the deepest level; "
                "train with larger patches, a larger batch or fewer levels"
            )

    def deepest_voxels(self, image: Tensor) -> int:
        """Voxels of one image at the coarsest level."""
        return math.prod(n // self.size_multiple for n in image.shape[2:])

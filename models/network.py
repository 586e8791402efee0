"""What all networks have in common: which images they take, and what they give back."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ramify.models.blocks import check_at_least, layers_of
from ramify.models.outputs import TaskOutputs


class Network(nn.Module):
    """Base of every network: image (B, C, *S) -> TaskOutputs.

    Args:
        in_channels: channels C of the image.
        ndim: 2 or 3.
        size_multiple: every axis of an image must be a multiple of this, or each of its own; padding is the caller's.

    Attributes:
        size_multiples: what each axis of an image must be a multiple of.
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

    def __init__(self, in_channels: int, ndim: int, size_multiple: int | Sequence[int]) -> None:
        super().__init__()
        check_at_least("in_channels", in_channels, 1)
        layers_of(ndim)
        self.in_channels = in_channels
        self.ndim = ndim
        each = (size_multiple,) * ndim if isinstance(size_multiple, int) else tuple(size_multiple)
        self.size_multiples: tuple[int, ...] = each

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
        if any(n < 1 or n % multiple for n, multiple in zip(size, self.size_multiples)):
            raise ValueError(
                f"image: size {size} is not a multiple of {in_words(self.size_multiples)}; pad it or use fewer levels"
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
        return math.prod(n // multiple for n, multiple in zip(image.shape[2:], self.size_multiples))


def in_words(size_multiples: Sequence[int]) -> str:
    """What sizes are multiples of.

    Examples:
        >>> from ramify.models.network import in_words
        >>> in_words((8, 8, 8)), in_words((2, 8, 8))
        ('8 along every axis', '2 x 8 x 8')
    """
    same = len(set(size_multiples)) == 1
    return f"{size_multiples[0]} along every axis" if same else " x ".join(map(str, size_multiples))

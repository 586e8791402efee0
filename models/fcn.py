"""The fully convolutional network of DeepVesselNet (Tetteh et al. 2020), the other backbone of Shit et al. 2021."""

from itertools import pairwise

from torch import Tensor, nn

from ramify.models.blocks import check_at_least, layers_of
from ramify.models.network import Network
from ramify.models.network_kind import NetworkKind
from ramify.models.outputs import TaskOutputs

KERNELS = (3, 5, 5, 3)
WIDTHS = (1, 2, 4, 10)  # in base channels: 5, 10, 20 and 50 in the paper


class FCN(Network):
    """Four convolutions at full resolution, of 3, 5, 5 and 3 voxels, and a 1^ndim one; tanh in between.

    image (B, C, *S) of any size -> TaskOutputs(logits (B, K, *S)). Full kernels, not the paper's cross-hair filters. A
    voxel sees 13 voxels along every axis and no more.

    Args:
        in_channels: channels C of the image.
        out_channels: channels K of the logits.
        base_channels: channels of the first convolution; the others have 2, 4 and 10 times as many.
        ndim: 2 or 3.

    Examples:
        >>> import torch
        >>> from ramify.models import FCN
        >>> FCN(out_channels=1, ndim=2)(torch.zeros(1, 1, 9, 11)).logits.shape
        torch.Size([1, 1, 9, 11])
    """

    def __init__(self, in_channels: int = 1, out_channels: int = 1, base_channels: int = 5, ndim: int = 3) -> None:
        super().__init__(in_channels, ndim, size_multiple=1)
        check_at_least("out_channels", out_channels, 1)
        check_at_least("base_channels", base_channels, 1)
        convolution = layers_of(ndim).convolution
        channels = (in_channels, *(base_channels * width for width in WIDTHS))
        layers: list[nn.Module] = []
        for (n, m), kernel in zip(pairwise(channels), KERNELS):
            layers += [convolution(n, m, kernel), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.head = convolution(channels[-1], out_channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> TaskOutputs:
        self.check_image(image)
        return TaskOutputs(self.head(self.layers(image)))


KIND = NetworkKind(
    lambda plan: FCN(plan.in_channels, plan.tasks.n_channels, plan.base_channels, plan.ndim),
    without_memory=True,
)

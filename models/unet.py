"""U-Net in 2D (Ronneberger et al. 2015) and in 3D (Çiçek et al. 2016): the backbone of Shit et al. 2021 (clDice)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ramify.models.blocks import DownSampling, check_at_least, initialise, layers_of, normalised_convolution
from ramify.models.cpu_layers import in_order_of
from ramify.models.decoder import check_deep_supervision
from ramify.models.encoder import channel_widths
from ramify.models.network import Network
from ramify.models.network_kind import NetworkKind, Plan
from ramify.models.outputs import TaskOutputs
from ramify.models.pooling import multiples_of, pooling_rows
from ramify.models.recomputation import run
from ramify.models.shared_head import SharedHead, shared_head_of


class Form(NamedTuple):
    """Where the two papers differ."""

    first_half: bool
    """Whether the first convolution of a level on the way down has half of the level's channels."""
    keeps_channels: bool
    """Whether up-sampling keeps the channels of the level below rather than halving them."""


FORMS = {2: Form(first_half=False, keeps_channels=False), 3: Form(first_half=True, keeps_channels=True)}


class UNet(Network):
    """Two convolutions of 3^ndim a level, max-pooling down, transposed convolution of 2^ndim up, skip connections.

    image (B, C, *S) -> TaskOutputs(logits (B, K, *S)). Unlike in the papers every convolution is padded, so that the
    logits have the image's size, and followed by batch norm in 2D too.

    Args:
        in_channels: channels C of the image.
        out_channels: channels K of the logits.
        levels: number of down-samplings.
        base_channels: channels at full resolution; they double at every down-sampling.
        ndim: 2 or 3.
        deep_supervision: number of further, coarser logits in training, at most levels - 1.
        checkpoint_activations: keep no activations inside a level for the backward pass; see `models.recomputation`.
        shared_features: where a projection head for all scales sits, see `models.shared_head`; None leaves it out.
        embedding_channels: channels E of its projection.
        pooling: how often each axis is halved, see `models.pooling`; None: all of them at every level.

    Examples:
        >>> import torch
        >>> from ramify.models import UNet
        >>> network = UNet(in_channels=1, out_channels=4, levels=2, base_channels=4, ndim=2)
        >>> network(torch.zeros(1, 1, 8, 8)).logits.shape
        torch.Size([1, 4, 8, 8])
    """

    auxiliary_parts = ("deep_heads.", "shared_head.")

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        levels: int = 3,
        base_channels: int = 64,
        ndim: int = 3,
        *,
        deep_supervision: int = 0,
        checkpoint_activations: bool = False,
        shared_features: str | None = None,
        embedding_channels: int | None = None,
        pooling: Sequence[int] | None = None,
    ) -> None:
        widths, rows = channel_widths(levels, base_channels), pooling_rows(levels, ndim, pooling)
        super().__init__(in_channels, ndim, size_multiple=multiples_of(rows, ndim))
        check_at_least("out_channels", out_channels, 1)
        check_deep_supervision(deep_supervision, levels - 1)
        self.recompute = checkpoint_activations
        layers, form = layers_of(ndim), FORMS[ndim]
        inputs = (in_channels, *widths[:-1])
        self.down, self.pooling = DownSampling(), rows
        self.encoder = nn.ModuleList(
            _two_convolutions(n, max(1, width // 2) if form.first_half else width, width, ndim)
            for n, width in zip(inputs, widths)
        )
        upwards = list(pairwise(reversed(widths)))
        upsampled = [deep if form.keeps_channels else shallow for deep, shallow in upwards]
        sides: list[Any] = list(reversed(rows))
        self.up = nn.ModuleList(
            layers.transposed_convolution(deep, n, kernel_size=factors, stride=factors, bias=False)
            for (deep, _), n, factors in zip(upwards, upsampled, sides)
        )
        self.decoder = nn.ModuleList(
            _two_convolutions(shallow + n, shallow, shallow, ndim) for (_, shallow), n in zip(upwards, upsampled)
        )
        self.head = layers.convolution(widths[0], out_channels, 1)
        self.deep_heads = nn.ModuleList(
            layers.convolution(width, out_channels, 1) for width in widths[1 : 1 + deep_supervision]
        )
        initialise(self, slope=0.0)
        for (deep, _), kernel in zip(upwards, self.up.parameters()):
            # Each output voxel meets one tap of the transposed convolution alone: torch would count 2^ndim.
            nn.init.normal_(kernel, std=deep**-0.5)
        self.shared_head = shared_head_of(shared_features, widths, embedding_channels, ndim)

    def forward(self, image: Tensor) -> TaskOutputs:
        return self._run(image, self.shared_head if self.training else None)

    def every_task(self, image: Tensor) -> TaskOutputs:
        """With the projection of a shared head, in evaluation too."""
        return self._run(image, self.shared_head)

    def _run(self, image: Tensor, shared: SharedHead | None) -> TaskOutputs:
        self.check_image(image)
        self.check_batch_norm(image)
        image = in_order_of(image, next(self.encoder[-1].parameters()))
        features = [run(self.encoder[0], image, recompute=self.recompute)]
        for level, factors in zip(self.encoder[1:], self.pooling):
            features.append(run(level, self.down(features[-1], factors), recompute=self.recompute))
        stages: list[Tensor] = [features[-1]]
        for index, skip in enumerate(reversed(features[:-1])):
            stages.append(run(self._stage, index, skip, stages[-1], of=self.decoder[index], recompute=self.recompute))
        projections = (shared(features, stages[1:]),) if shared else ()
        return TaskOutputs(self.head(stages[-1]), projections, self._deep_logits(stages[1:-1]))

    def _stage(self, index: int, skip: Tensor, below: Tensor) -> Tensor:
        merged: Tensor = self.decoder[index](torch.cat((skip, self.up[index](below)), dim=1))
        return merged

    def _deep_logits(self, coarser_stages: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if not self.training:
            return ()
        return tuple(head(features) for head, features in zip(self.deep_heads, reversed(coarser_stages)))


def _two_convolutions(in_channels: int, between: int, out_channels: int, ndim: int) -> nn.Sequential:
    first = normalised_convolution(in_channels, between, 3, ndim)
    second = normalised_convolution(between, out_channels, 3, ndim)
    return nn.Sequential(*first, nn.ReLU(inplace=True), *second, nn.ReLU(inplace=True))


def _build(plan: Plan) -> UNet:
    return UNet(
        plan.in_channels,
        plan.tasks.n_channels,
        plan.levels,
        plan.base_channels,
        plan.ndim,
        deep_supervision=plan.deep_supervision,
        checkpoint_activations=plan.checkpoint_activations,
        shared_features=plan.shared_features,
        embedding_channels=plan.embedding_channels,
        pooling=plan.pooling,
    )


KIND = NetworkKind(
    _build,
    without_memory=True,
)

"""nnU-Net's architectures (Isensee et al. 2021, 2024), from its package dynamic-network-architectures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from ramify.models.blocks import check_at_least, layers_of
from ramify.models.decoder import check_deep_supervision
from ramify.models.extras import import_extra
from ramify.models.network import Network
from ramify.models.network_kind import NetworkKind, Plan
from ramify.models.outputs import TaskOutputs
from ramify.models.pooling import pooling_rows

MOST_CHANNELS = {2: 512, 3: 320}
RESIDUAL_BLOCKS = (1, 3, 4, 6)  # a level on the way down; 6 on every further one
OWN_ARGUMENTS = ("input_channels", "num_classes", "conv_op", "deep_supervision", "norm_op", "dropout_op", "nonlin")


class NnUNet(Network):
    """PlainConvUNet or ResidualEncoderUNet with nnU-Net's defaults: image (B, C, *S) -> TaskOutputs(logits (B, K, *S)).

    Convolutions of 3^ndim, stride 2 down, transposed convolution up, instance norm, leaky ReLU.

    Args:
        network: "nnunet_plain" (two convolutions a level) or "nnunet_residual" (1, 3, 4, 6, 6, … residual blocks a
            level down, one convolution a level up).
        in_channels: channels C of the image.
        out_channels: channels K of the logits.
        levels: number of down-samplings.
        base_channels: channels at full resolution, doubled at every down-sampling up to 512 in 2D, 320 in 3D.
        ndim: 2 or 3.
        deep_supervision: number of further, coarser logits in training, at most levels - 1.
        arguments: of the architecture's class, over these defaults: strides, kernel_sizes, features_per_stage, …
        pooling: how often each axis is halved, see `models.pooling`; None: all of them at every level.

    Raises ValueError where the package is missing or does not take the arguments.
    """

    def __init__(
        self,
        network: str,
        in_channels: int,
        out_channels: int,
        levels: int,
        base_channels: int,
        ndim: int,
        *,
        deep_supervision: int = 0,
        arguments: Mapping[str, Any] | None = None,
        pooling: Sequence[int] | None = None,
    ) -> None:
        check_at_least("in_channels", in_channels, 1)
        check_at_least("out_channels", out_channels, 1)
        own = [name for name in arguments or () if name in OWN_ARGUMENTS]
        if own:
            raise ValueError(f"arguments.{own[0]}: network {network} sets it itself; leave it out")
        module = import_extra("dynamic_network_architectures.architectures.unet", network)
        architecture = module.PlainConvUNet if network == "nnunet_plain" else module.ResidualEncoderUNet
        chosen = {**_defaults(network, levels, base_channels, ndim, pooling), **(arguments or {})}
        try:
            unet = architecture(
                input_channels=in_channels, num_classes=out_channels, deep_supervision=deep_supervision > 0, **chosen
            )
        except (TypeError, ValueError, AssertionError, IndexError, RuntimeError) as error:
            raise ValueError(f"network {network}: these arguments do not fit: {' '.join(str(error).split())}") from None
        factors = [math.prod(strides) for strides in zip(*unet.encoder.strides)]
        super().__init__(in_channels, ndim, size_multiple=factors)
        stages = len(unet.decoder.stages)
        check_deep_supervision(deep_supervision, stages - 1)
        # It builds a head a stage whatever is asked for; those nobody reads would be weights without a gradient.
        for stage in range(stages - 1 - deep_supervision):
            unet.decoder.seg_layers[stage] = nn.Identity()
        unet.apply(unet.initialize)
        self.network = unet
        self.auxiliary_parts = tuple(f"network.decoder.seg_layers.{stage}." for stage in range(stages - 1))
        self.deep_supervision = deep_supervision

    def forward(self, image: Tensor) -> TaskOutputs:
        self.check_image(image)
        if self.deepest_voxels(image) < 2:
            raise ValueError(
                f"image: {tuple(image.shape)} leaves instance norm one value a channel at the deepest level; "
                "use larger patches or fewer levels"
            )
        outputs = self.network(image)
        if not self.deep_supervision:
            return TaskOutputs(outputs)
        logits, *deep = outputs
        return TaskOutputs(logits, (), tuple(deep[: self.deep_supervision]) if self.training else ())


def _defaults(
    network: str, levels: int, base_channels: int, ndim: int, pooling: Sequence[int] | None
) -> dict[str, Any]:
    """What nnU-Net's planning gives to an image that is as long along every axis."""
    layers = layers_of(ndim)
    stages = levels + 1
    blocks = [*RESIDUAL_BLOCKS, *[RESIDUAL_BLOCKS[-1]] * stages][:stages]
    depths = {"n_conv_per_stage": 2} if network == "nnunet_plain" else {"n_blocks_per_stage": blocks}
    return {
        "n_stages": stages,
        "features_per_stage": [min(base_channels * 2**stage, MOST_CHANNELS[ndim]) for stage in range(stages)],
        "conv_op": {2: nn.Conv2d, 3: nn.Conv3d}[ndim],
        "kernel_sizes": 3,
        "strides": [(1,) * ndim, *pooling_rows(levels, ndim, pooling)],
        "n_conv_per_stage_decoder": 2 if network == "nnunet_plain" else 1,
        "conv_bias": True,
        "norm_op": layers.instance_norm,
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
        **depths,
    }


def _build(plan: Plan) -> NnUNet:
    return NnUNet(
        plan.name,
        plan.in_channels,
        plan.tasks.n_channels,
        plan.levels,
        plan.base_channels,
        plan.ndim,
        deep_supervision=plan.deep_supervision,
        arguments=plan.arguments,
        pooling=plan.pooling,
    )


KIND = NetworkKind(
    _build,
)

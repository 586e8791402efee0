"""HRNet (Wang et al. 2020) from timm, with its paper's head: the 2D backbone of Kirchhoff et al. 2024."""

import difflib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ramify.models.blocks import check_at_least, normalised_convolution
from ramify.models.extras import import_extra
from ramify.models.network import Network
from ramify.models.network_kind import NetworkKind, Plan
from ramify.models.outputs import TaskOutputs

DEFAULTS: dict[str, Any] = {"variant": "hrnet_w18", "pretrained": False}


class HRNet(Network):
    """Branches of 1/4 … 1/32 of the resolution side by side; their features together make the logits. 2D only.

    image (B, C, H, W) -> TaskOutputs(logits (B, K, H, W)). The branches are brought to 1/4 of the resolution
    (bilinearly), a 1x1 convolution mixes them, another makes logits of them, which are brought to full resolution.

    Args:
        in_channels: channels C of the image.
        out_channels: channels K of the logits.
        ndim: 2; there is no HRNet in 3D.
        arguments: `variant` (hrnet_w18_small, hrnet_w18, …, hrnet_w64; by default hrnet_w18) and `pretrained` (to
            start from weights learnt on ImageNet, which timm downloads; by default not).

    Raises ValueError in 3D, for other arguments, or where timm is missing.
    """

    def __init__(
        self, in_channels: int, out_channels: int, ndim: int = 2, arguments: Mapping[str, Any] | None = None
    ) -> None:
        if ndim != 2:
            raise ValueError(f"network hrnet: expected images of 2 dimensions, got {ndim}; there is none in 3D")
        check_at_least("out_channels", out_channels, 1)
        super().__init__(in_channels, ndim, size_multiple=32)
        chosen = {**DEFAULTS, **(arguments or {})}
        unknown = sorted(chosen.keys() - DEFAULTS.keys())
        if unknown:
            raise ValueError(f"arguments.{unknown[0]}: network hrnet knows {', '.join(DEFAULTS)} alone")
        variant = chosen["variant"]
        timm = import_extra("timm", "hrnet")
        known = timm.list_models("hrnet*")
        if variant not in known:
            near = difflib.get_close_matches(str(variant), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"arguments.variant: unknown variant {variant!r} of hrnet; {hint}")
        self.branches = timm.create_model(
            variant,
            pretrained=bool(chosen["pretrained"]),
            features_only=True,
            feature_location="",
            in_chans=in_channels,
        )
        channels = sum(self.branches.feature_info.channels()[1:])
        self.mixing = nn.Sequential(*normalised_convolution(channels, channels, 1, ndim), nn.ReLU(inplace=True))
        self.head = nn.Conv2d(channels, out_channels, 1)

    def forward(self, image: Tensor) -> TaskOutputs:
        self.check_image(image)
        self.check_batch_norm(image)
        branches = self.branches(image)[1:]  # without the stem's features
        size = branches[0].shape[2:]
        together = torch.cat([_brought_to(features, size) for features in branches], dim=1)
        return TaskOutputs(_brought_to(self.head(self.mixing(together)), image.shape[2:]))


def _brought_to(features: Tensor, size: torch.Size) -> Tensor:
    if features.shape[2:] == size:
        return features
    return functional.interpolate(features, size=size, mode="bilinear", align_corners=False)


def _not_pretrained(plan: Plan) -> Plan:
    return plan._replace(arguments={**plan.arguments, "pretrained": False})


KIND = NetworkKind(
    lambda plan: HRNet(plan.in_channels, plan.tasks.n_channels, plan.ndim, plan.arguments),
    for_inference=_not_pretrained,
)

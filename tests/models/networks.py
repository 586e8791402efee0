"""Settings of a tiny network of every family, for the tests that hold for all of them."""

from typing import Any

import pytest

from ramify.models import ModelSettings
from ramify.models.extras import import_extra

TINY: dict[str, dict[str, Any]] = {
    "resunet": {"levels": 2, "base_channels": 2},
    "unet": {"levels": 2, "base_channels": 2},
    "fcn": {"base_channels": 1},
    "nnunet_plain": {"levels": 2, "base_channels": 2},
    "nnunet_residual": {"levels": 2, "base_channels": 2, "arguments": {"n_blocks_per_stage": 1}},
    "hrnet": {"arguments": {"variant": "hrnet_w18_small"}},
    "monai:UNet": {"arguments": {"channels": [2, 4], "strides": [2], "norm": "batch"}},
}
NEEDS = {
    "nnunet_plain": "dynamic_network_architectures",
    "nnunet_residual": "dynamic_network_architectures",
    "hrnet": "timm",
}
SIZE_MULTIPLES = {
    "resunet": 4,
    "unet": 4,
    "fcn": 1,
    "nnunet_plain": 4,
    "nnunet_residual": 4,
    "hrnet": 32,
    "monai:UNet": 2,
}
EVERY = [(network, ndim) for network in TINY for ndim in (2, 3) if (network, ndim) != ("hrnet", 3)]
OURS = ("resunet", "unet", "fcn")
SUPERVISED = ("resunet", "unet", "nnunet_plain", "nnunet_residual")


def skip_without_extra(network: str) -> None:
    """Skip the test where the package that this network needs cannot be imported."""
    package = NEEDS.get(network)
    if package is not None:
        try:
            import_extra(package, network)
        except ValueError as error:
            pytest.skip(str(error), allow_module_level=True)


def tiny(network: str, **further: Any) -> ModelSettings:
    """Settings of a tiny network of that family."""
    skip_without_extra(network)
    return ModelSettings(network=network, **{**TINY[network], **further})

"""HRNet: 2D alone, its variants by name, logits of the image's size."""

import pytest
import torch

from ramify.models import ModelSettings, build_network
from tests.models.networks import skip_without_extra, tiny


def test_there_is_none_in_3d():
    with pytest.raises(ValueError, match="network hrnet: expected images of 2 dimensions, got 3; there is none in 3D"):
        build_network(ModelSettings(network="hrnet"), 1, 2, 3)


def test_branches_of_the_variant_are_mixed():
    network = build_network(tiny("hrnet"), 1, 2, 2)
    assert network.mixing[0].in_channels == 16 + 32 + 64 + 128
    assert network.head.out_channels == 3


def test_a_batch_too_small_for_batch_norm():
    network = build_network(tiny("hrnet"), 1, 2, 2)
    with pytest.raises(ValueError, match=r"\(1, 1, 32, 32\) leaves batch norm one value a channel"):
        network(torch.zeros(1, 1, 32, 32))
    assert network.eval()(torch.zeros(1, 1, 32, 32)).logits.shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "hrnet_w19"}, "arguments.variant: unknown variant 'hrnet_w19' of hrnet; did you mean 'hrnet_w"),
        ({"variant": "resnet50"}, "arguments.variant: unknown variant 'resnet50' of hrnet; known are hrnet_w18, "),
        ({"pretrain": True}, "arguments.pretrain: network hrnet knows variant, pretrained alone"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    skip_without_extra("hrnet")
    with pytest.raises(ValueError, match=message) as caught:
        build_network(ModelSettings(network="hrnet", arguments=arguments), 1, 2, 2)
    assert "\n" not in str(caught.value)

"""U-Net: the papers' parameter counts, and what the convolutions see."""

import pytest
import torch
from torch import nn

from ramify.models import UNet


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_of_the_3d_paper():
    # Çiçek et al. 2016: "19069955 parameters in total", for 3 channels in and 3 out; that is with biases and without
    # batch norm. Here batch norm's shift stands in for the bias of the convolution before it.
    with torch.device("meta"):
        network = UNet(in_channels=3, out_channels=3, ndim=3)
    scales = sum(part.weight.numel() for part in network.modules() if isinstance(part, nn.BatchNorm3d))
    assert count(network) - scales == 19_069_955


def test_parameters_of_the_2d_paper():
    # Ronneberger et al. 2015, Fig. 1: 64, 128, …, 1024 channels, two 3x3 convolutions a level, 2x2 up-convolutions that
    # halve the channels.
    with torch.device("meta"):
        network = UNet(1, 2, levels=4, base_channels=64, ndim=2)
    widths = [64, 128, 256, 512, 1024]
    down = sum(9 * (n * m + m * m) + 2 * m for n, m in zip([1, *widths], widths))
    up = sum(4 * 2 * m * m + 9 * (2 * m * m + m * m) + 2 * m for m in widths[:-1])
    scales = sum(part.weight.numel() for part in network.modules() if isinstance(part, nn.BatchNorm2d))
    assert count(network) - scales == down + up + 64 * 2 + 2


@pytest.mark.parametrize(("ndim", "between"), [(2, 4), (3, 2)])
def test_the_first_convolution_of_a_level(ndim, between):
    network = UNet(1, 1, 2, 4, ndim)
    assert network.encoder[0][0].out_channels == between
    assert [level[3].out_channels for level in network.encoder] == [4, 8, 16]
    assert [up.out_channels for up in network.up] == ([8, 4] if ndim == 2 else [16, 8])


@pytest.mark.parametrize("ndim", [2, 3])
def test_up_sampled_features_keep_their_variance(ndim):
    torch.manual_seed(0)
    up = UNet(1, 1, 1, 64, ndim).up[0]
    features = torch.randn(1, up.in_channels, *(8,) * ndim)
    assert up(features).std().item() == pytest.approx(1.0, rel=0.1)


def test_one_base_channel_is_enough():
    assert UNet(1, 1, 1, 1, 3)(torch.zeros(2, 1, 2, 2, 2)).logits.shape == (2, 1, 2, 2, 2)


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="out_channels: expected an integer of at least 1, got 0"):
        UNet(1, 0, 1, 2, 2)
    with pytest.raises(ValueError, match="levels: expected an integer of at least 1, got 0"):
        UNet(1, 1, 0, 2, 2)
    with pytest.raises(ValueError, match="ndim: expected 2 or 3, got 1"):
        UNet(1, 1, 1, 2, 1)


def test_a_batch_too_small_for_batch_norm():
    network = UNet(1, 1, 2, 2, 2)
    with pytest.raises(ValueError, match=r"\(1, 1, 4, 4\) leaves batch norm one value a channel"):
        network(torch.zeros(1, 1, 4, 4))
    assert network.eval()(torch.zeros(1, 1, 4, 4)).logits.shape == (1, 1, 4, 4)

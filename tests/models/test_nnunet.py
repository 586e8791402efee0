"""nnU-Net's architectures: its plans as defaults, arguments over them, and what is refused."""

import pytest
import torch

from ramify.models import ModelSettings, build_network
from tests.models.networks import skip_without_extra, tiny

skip_without_extra("nnunet_plain")


@pytest.mark.parametrize(("ndim", "deepest"), [(2, 512), (3, 320)])
def test_plans_of_nnunet_are_the_defaults(ndim, deepest):
    with torch.device("meta"):
        plain = build_network(ModelSettings(network="nnunet_plain"), 1, 3, ndim).network
        residual = build_network(ModelSettings(network="nnunet_residual"), 1, 3, ndim).network
    widths = [32, 64, 128, 256, min(512, deepest), deepest]
    assert plain.encoder.output_channels == residual.encoder.output_channels == widths
    assert [len(stage.blocks) for stage in residual.encoder.stages] == [1, 3, 4, 6, 6, 6]
    assert [len(stage[0].convs) for stage in plain.encoder.stages] == [2] * 6
    assert [len(stage.convs) for stage in residual.decoder.stages] == [1] * 5
    assert plain.decoder.seg_layers[-1].out_channels == 4


def test_strides_of_its_own_change_the_size_multiple():
    arguments = {"strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]]}
    network = build_network(tiny("nnunet_plain", arguments=arguments), 1, 2, 3)
    assert network.size_multiples == (2, 4, 4)
    assert network(torch.zeros(1, 1, 4, 8, 8)).logits.shape == (1, 3, 4, 8, 8)


def test_instance_norm_needs_more_than_a_voxel():
    network = build_network(tiny("nnunet_plain"), 1, 2, 2)
    for each in (network, network.eval()):
        with pytest.raises(ValueError, match=r"\(2, 1, 4, 4\) leaves instance norm one value a channel"):
            each(torch.zeros(2, 1, 4, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 5}, "arguments.num_classes: network nnunet_plain sets it itself; leave it out"),
        ({"strides": [1, 2]}, "network nnunet_plain: these arguments do not fit: strides must have as many entries"),
        ({"kernel": 3}, "network nnunet_plain: these arguments do not fit: .*unexpected keyword argument 'kernel'"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        build_network(tiny("nnunet_plain", arguments=arguments), 1, 2, 3)
    assert "\n" not in str(caught.value)


def test_deep_supervision_is_nnunets_own():
    torch.manual_seed(0)
    deep = build_network(tiny("nnunet_plain", levels=3, deep_supervision=2), 1, 2, 2)
    outputs = deep(torch.randn(2, 1, 16, 16))
    assert [tuple(each.shape) for each in outputs.deep_logits] == [(2, 3, 8, 8), (2, 3, 4, 4)]

"""nnU-Net's network with decoders of scales beside it."""

import copy

import pytest
import torch
from torch import nn

from ramify.nnunet.scale_network import ScaleNetwork, ScaleOutputs

unet = pytest.importorskip(
    "dynamic_network_architectures.architectures.unet", reason="network nnunet_plain: its package is missing"
)
KINDS = {"PlainConvUNet": "n_conv_per_stage", "ResidualEncoderUNet": "n_blocks_per_stage"}


def plain_network(kind="PlainConvUNet", ndim=2, deep=True):
    """A tiny network of nnU-Net's, with two classes."""
    torch.manual_seed(0)
    network = getattr(unet, kind)(
        1,
        3,
        (4, 8, 8),
        {2: nn.Conv2d, 3: nn.Conv3d}[ndim],
        3,
        [1, 2, 2],
        num_classes=2,
        n_conv_per_stage_decoder=1,
        norm_op={2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}[ndim],
        norm_op_kwargs={"affine": True},
        nonlin=nn.LeakyReLU,
        deep_supervision=deep,
        **{KINDS[kind]: 1},
    )
    network.apply(network.initialize)
    return network


@pytest.mark.parametrize("kind", KINDS)
def test_nnunet_sees_its_own_network(kind):
    plain = plain_network(kind)
    before = copy.deepcopy(plain.state_dict())
    network = ScaleNetwork(plain, 3, contrast_level=1)
    state = network.state_dict()
    assert list(state) == list(before)
    assert all(torch.equal(state[name], before[name]) for name in before)
    image = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        ours, own = network.eval()(image), plain.eval()(image)
    assert all(torch.equal(one, other) for one, other in zip(ours, own, strict=True))


def test_weights_of_nnunet_are_loaded_strictly_and_those_beside_stay():
    network, other = (ScaleNetwork(plain_network(), 2, contrast_level=1) for _ in range(2))
    beside = copy.deepcopy(network.beside.state_dict())
    for parameter in other.parameters():
        nn.init.ones_(parameter)
    network.load_state_dict(other.state_dict())
    assert torch.equal(network.encoder.stages[0][0].convs[0].conv.weight, torch.ones(4, 1, 3, 3))
    assert all(torch.equal(value, beside[name]) for name, value in network.beside.state_dict().items())
    with pytest.raises(RuntimeError, match="Missing key"):
        network.load_state_dict(
            {name: value for name, value in other.state_dict().items() if "transpconvs" not in name}
        )
    with pytest.raises(RuntimeError, match="Unexpected key"):
        network.load_state_dict({**other.state_dict(), "beside.decoders.0.new": torch.ones(1)})


@pytest.mark.parametrize("ndim", [2, 3])
def test_training_gives_each_scale_at_each_resolution_and_embeddings(ndim):
    network = ScaleNetwork(plain_network(ndim=ndim), 3, contrast_level=1)
    outputs = network(torch.randn(2, 1, *(16,) * ndim))
    assert isinstance(outputs, ScaleOutputs)
    assert [tuple(level.shape) for level in outputs.main] == [(2, 2, *(n,) * ndim) for n in (16, 8)]
    assert [tuple(level.shape) for level in outputs.scales] == [(2, 3, *(n,) * ndim) for n in (16, 8)]
    assert outputs.projection.shape == (2, 16, *(8,) * ndim)
    torch.testing.assert_close(outputs.projection.norm(dim=1), torch.ones(2, *(8,) * ndim))


def test_deep_supervision_is_switched_for_all_decoders():
    network = ScaleNetwork(plain_network(deep=False), 2, contrast_level=None)
    image = torch.randn(1, 1, 16, 16)
    main, scales, projection = network(image)
    assert main.shape == (1, 2, 16, 16)
    assert [level.shape for level in scales] == [(1, 2, 16, 16)]
    assert projection is None
    network.decoder.deep_supervision = True
    network.supervise_deeply(True)
    assert [len(part) for part in network(image)[:2]] == [2, 2]


def test_decoders_of_scales_share_the_encoder_and_nothing_else():
    network = ScaleNetwork(plain_network(), 2, contrast_level=1)
    outputs = network(torch.randn(1, 1, 16, 16))
    outputs.scales[0][:, 0].sum().backward()
    reached = {name for name, weight in network.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert {name.split(".")[0] for name in reached} == {"encoder", "beside"}
    assert not [name for name in reached if name.startswith(("beside.decoders.1", "beside.head"))]
    first, second = (decoder.transpconvs[0].weight for decoder in network.beside.decoders)
    assert not torch.equal(first, second)
    assert not torch.equal(first, network.decoder.transpconvs[0].weight)


def test_another_network_is_refused():
    with pytest.raises(ValueError, match="RamifyScales: it needs a U-Net of nnU-Net's, and the plans have Sequential"):
        ScaleNetwork(nn.Sequential(nn.Conv2d(1, 2, 1)), 3, None)
    with pytest.raises(ValueError, match=r"a network of 2 levels has bottleneck, encoder\.0"):
        ScaleNetwork(plain_network(), 3, contrast_level=3)


def test_it_is_compiled_whole_as_nnunet_does_on_a_gpu():
    network = ScaleNetwork(plain_network(), 2, contrast_level=1)
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    image = torch.randn(2, 1, 16, 16)
    ours, plain = compiled.train()(image), network.train()(image)
    assert all(torch.equal(one, other) for one, other in zip(ours.scales, plain.scales, strict=True))
    with torch.no_grad():
        assert len(compiled.eval()(image)) == 2

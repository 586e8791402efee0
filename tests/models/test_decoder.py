"""Decoders run together give what each gives by the plain formula; memory can be traded for time without a change."""

import copy

import pytest
import torch
from torch import nn

from ramify.models import MultiTaskResUNet, UNet
from ramify.models.blocks import ResidualBlock
from ramify.models.decoder import Decoder, decode

WIDTHS = (3, 6, 12)


def features_of(ndim: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = [tuple(n // 2**level for n in (8, 12, 4)[:ndim]) for level in range(len(WIDTHS))]
    return [
        torch.randn(2, width, *size, generator=generator, dtype=torch.float64) for width, size in zip(WIDTHS, sizes)
    ]


def plainly_decoded(decoder, features):
    """Up-sample, put beside the skip connection, residual block: the features of every stage."""
    current, stages = features[-1], []
    for up, block, skip in zip(decoder.up, decoder.blocks, reversed(features[:-1])):
        upsampled = up(nn.functional.interpolate(current, scale_factor=2.0, mode="nearest"))
        current = ResidualBlock.forward(block, torch.cat((skip, upsampled), dim=1))
        stages.append(current)
    return stages


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("recompute", [False, True])
def test_decoders_together_are_the_plain_formula(ndim, recompute):
    decoders = [Decoder(WIDTHS, 2, ndim).double() for _ in range(3)]
    features = features_of(ndim)
    expected = [plainly_decoded(decoder, features) for decoder in decoders]
    for decoder, outputs, stages in zip(decoders, decode(decoders, features, recompute=recompute), expected):
        torch.testing.assert_close(outputs.stages, tuple(stages))
        torch.testing.assert_close(outputs.logits, decoder.head(stages[-1]))
        assert outputs.deep_logits == ()


def test_no_decoders_give_nothing():
    assert decode([], features_of(2)) == []


@pytest.mark.parametrize("ndim", [2, 3])
def test_deep_logits_read_the_stages_finest_first(ndim):
    widths = (2, 4, 8, 16)
    decoder = Decoder(widths, 5, ndim, deep_supervision=2)
    features = [torch.randn(2, width, *(16 // 2**level,) * ndim) for level, width in enumerate(widths)]
    outputs = decode([decoder], features)[0]
    assert [tuple(deep.shape) for deep in outputs.deep_logits] == [(2, 5, *(8,) * ndim), (2, 5, *(4,) * ndim)]
    torch.testing.assert_close(outputs.deep_logits[1], decoder.deep_heads[1](outputs.stages[0]))
    assert decode([decoder.eval()], features)[0].deep_logits == ()


@pytest.mark.parametrize("wanted", [-1, 2])
def test_deep_supervision_beyond_the_levels(wanted):
    with pytest.raises(
        ValueError, match=f"deep_supervision: expected 0 … 1 coarser outputs for 2 levels, got {wanted}"
    ):
        Decoder(WIDTHS, 1, 2, deep_supervision=wanted)


def networks(ndim: int, *, checkpoint_activations: bool) -> list[nn.Module]:
    return [
        MultiTaskResUNet(1, 2, 2, 2, ndim, deep_supervision=1, checkpoint_activations=checkpoint_activations),
        UNet(1, 2, 2, 2, ndim, deep_supervision=1, checkpoint_activations=checkpoint_activations),
    ]


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("which", [0, 1], ids=["resunet", "unet"])
def test_recomputed_activations_change_no_value_gradient_or_statistic(ndim, which):
    keeping = networks(ndim, checkpoint_activations=False)[which].double()
    recomputing = networks(ndim, checkpoint_activations=True)[which].double()
    recomputing.load_state_dict(copy.deepcopy(keeping.state_dict()))
    image = torch.randn(2, 1, *(8,) * ndim, dtype=torch.float64)
    for network in (keeping, recomputing):
        outputs = network(image)
        every = [outputs.logits, *outputs.projections, *outputs.deep_logits]
        sum((each * torch.arange(each.numel()).view_as(each)).mean() for each in every).backward()
    for (name, one), other in zip(keeping.named_parameters(), recomputing.parameters()):
        torch.testing.assert_close(one.grad, other.grad, msg=name)
    buffers = dict(recomputing.named_buffers())
    assert buffers
    for name, one in keeping.named_buffers():
        torch.testing.assert_close(one, buffers[name], msg=name)
        assert not name.endswith("num_batches_tracked") or buffers[name] == 1
    momenta = {part.momentum for part in recomputing.modules() if hasattr(part, "momentum")}
    assert momenta == {0.1}


def saved_values(network: nn.Module, image: torch.Tensor) -> int:
    """How many values autograd keeps between the forward and the backward pass, parameters aside."""
    parameters = {parameter.data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in parameters:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = network(image)
    del outputs
    return sum(kept.values())


@pytest.mark.parametrize("which", [0, 1], ids=["resunet", "unet"])
def test_recomputed_activations_take_less_memory(which):
    image = torch.randn(1, 1, 16, 16, 16)
    keeping = saved_values(networks(3, checkpoint_activations=False)[which], image)
    recomputing = saved_values(networks(3, checkpoint_activations=True)[which], image)
    assert recomputing < keeping / 2, (recomputing, keeping)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("which", [0, 1], ids=["resunet", "unet"])
def test_recomputed_activations_can_be_differentiated_again_and_again(ndim, which):
    network = networks(ndim, checkpoint_activations=True)[which].double()
    logits = network(torch.randn(2, 1, *(8,) * ndim, dtype=torch.float64)).logits
    weights = list(network.parameters())
    every = [
        torch.autograd.grad(logits.square().sum(), weights, retain_graph=True, allow_unused=True) for _ in range(3)
    ]
    for again in every[1:]:
        for one, other in zip(every[0], again):
            assert (one is None) == (other is None)
            assert one is None or torch.equal(one, other)
    counted = [value for name, value in network.named_buffers() if name.endswith("num_batches_tracked")]
    assert counted
    assert all(value == 1 for value in counted)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("recompute", [False, True])
def test_a_decoder_may_end_earlier_and_be_narrower_than_those_beside_it(ndim, recompute):
    whole = Decoder(WIDTHS, 2, ndim).double()
    beside = Decoder(WIDTHS, 1, ndim, ends_at=1, width=0.5).double()
    features = features_of(ndim)
    outputs, others = decode([whole, beside], features, recompute=recompute)
    torch.testing.assert_close(outputs.logits, whole.head(plainly_decoded(whole, features)[-1]))
    (stage,) = plainly_decoded(beside, features[1:])
    assert stage.shape == (2, 3, *features[1].shape[2:])
    torch.testing.assert_close(others.stages, (stage,))
    torch.testing.assert_close(others.logits, beside.head(stage))

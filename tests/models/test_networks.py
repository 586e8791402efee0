"""What holds for every network: shapes, sizes, gradients, weights on disk, the part that inference needs."""

import pytest
import torch
from torch import nn

from ramify.models import Network, build_inference_network, build_network, load_weights, place_network
from tests.asked import ASKED
from tests.models.networks import EVERY, OURS, SIZE_MULTIPLES, SUPERVISED, tiny

SCALES = 2
A_HEAD_A_SCALE = {"head": "per_scale"}
CHANNELS = {"multi_task": 1 + SCALES, "binary": 1, "multi_class": 1 + SCALES}


def image_for(network: Network, in_channels: int = 1, batch: int = 2) -> torch.Tensor:
    """An image of another length along every axis, each an odd multiple of what it must be a multiple of."""
    size = [
        network.size_multiples[0] * factor for factor in ((1, 3, 5) if network.size_multiples[0] > 2 else (5, 7, 9))
    ]
    return torch.randn(batch, in_channels, *size[: network.ndim], generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("network", "ndim"), EVERY)
@pytest.mark.parametrize("formulation", CHANNELS)
def test_every_formulation_forward_and_backward(network, ndim, formulation):
    built = build_network(tiny(network, tasks=ASKED[formulation], contrast=A_HEAD_A_SCALE), 1, SCALES, ndim)
    image = image_for(built)
    outputs = built(image)
    assert outputs.logits.shape == (2, CHANNELS[formulation], *image.shape[2:])
    assert len(outputs.projections) == (SCALES if (network, formulation) == ("resunet", "multi_task") else 0)
    assert outputs.deep_logits == ()
    every = [outputs.logits, *outputs.projections]
    sum((each * torch.arange(each.numel()).view_as(each)).mean() for each in every).backward()
    without = [name for name, parameter in built.named_parameters() if parameter.grad is None]
    assert without == []
    assert all(torch.isfinite(parameter.grad).all() for parameter in built.parameters())


@pytest.mark.parametrize(("network", "ndim"), EVERY)
def test_several_channels_in(network, ndim):
    built = build_network(tiny(network, tasks=ASKED["binary"]), 3, SCALES, ndim)
    assert (built.in_channels, built.ndim) == (3, ndim)
    image = image_for(built, in_channels=3)
    assert built(image).logits.shape == (2, 1, *image.shape[2:])
    with pytest.raises(ValueError, match=r"image: expected 3 channel\(s\) on axis 1, got 1"):
        built(image[:, :1])


@pytest.mark.parametrize(("network", "ndim"), EVERY)
def test_size_multiple(network, ndim):
    built = build_network(tiny(network), 1, SCALES, ndim)
    assert built.size_multiples[0] == SIZE_MULTIPLES[network]
    if built.size_multiples[0] > 1:
        image = torch.zeros(1, 1, *(3 * built.size_multiples[0],) * (ndim - 1), 3 * built.size_multiples[0] + 1)
        with pytest.raises(ValueError, match=f"is not a multiple of {built.size_multiples[0]} along every axis"):
            built(image)
    with pytest.raises(ValueError, match=f"image: expected {ndim + 2} axes"):
        built(torch.zeros(1, 1, *(32,) * (5 - ndim)))


@pytest.mark.parametrize(("network", "ndim"), EVERY)
@pytest.mark.parametrize("formulation", CHANNELS)
def test_inference_network_is_the_trained_one_from_its_file(network, ndim, formulation, tmp_path):
    settings = tiny(network, tasks=ASKED[formulation])
    trained = build_network(settings, 1, SCALES, ndim)
    image = image_for(trained)
    for _ in range(2):
        trained(image * 3 + 1)
    torch.save(trained.state_dict(), tmp_path / "weights.pt")
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    expected = trained.eval()(image)
    again = build_network(settings, 1, SCALES, ndim).eval()
    load_weights(again, state)
    assert torch.equal(again(image).logits, expected.logits)
    inference = build_inference_network(settings, 1, SCALES, ndim, state=state).eval()
    outputs = inference(image)
    channels = 1 if (network, formulation) == ("resunet", "multi_task") else CHANNELS[formulation]
    assert torch.equal(outputs.logits, expected.logits[:, :channels])
    assert (outputs.projections, outputs.deep_logits) == ((), ())


@pytest.mark.parametrize(("network", "ndim"), [(name, n) for name, n in EVERY if name in SUPERVISED])
@pytest.mark.parametrize("formulation", CHANNELS)
def test_deep_supervision(network, ndim, formulation):
    settings = tiny(network, tasks=ASKED[formulation], deep_supervision=1)
    built = build_network(settings, 1, SCALES, ndim)
    image = image_for(built)
    outputs = built(image)
    halves = tuple(n // 2 for n in image.shape[2:])
    assert [tuple(deep.shape) for deep in outputs.deep_logits] == [(2, CHANNELS[formulation], *halves)]
    sum(
        (each * torch.arange(each.numel()).view_as(each)).mean()
        for each in (outputs.logits, *outputs.deep_logits, *outputs.projections)
    ).backward()
    assert [name for name, parameter in built.named_parameters() if parameter.grad is None] == []
    expected = built.eval()(image)
    assert expected.deep_logits == ()
    inference = build_inference_network(settings, 1, SCALES, ndim, state=built.state_dict()).eval()
    assert torch.equal(inference(image).logits, expected.logits[:, : inference(image).logits.shape[1]])
    plain = build_inference_network(tiny(network, tasks=ASKED[formulation]), 1, SCALES, ndim)
    assert plain.state_dict().keys() == inference.state_dict().keys()
    with pytest.raises(ValueError, match="deep_supervision: expected 0 … 1 coarser outputs for 2 levels, got 2"):
        build_network(tiny(network, tasks=ASKED[formulation], deep_supervision=2), 1, SCALES, ndim)


@pytest.mark.parametrize(("network", "ndim"), EVERY)
def test_placing_on_the_cpu_changes_no_value(network, ndim):
    built = build_network(tiny(network), 1, SCALES, ndim).eval()
    image = image_for(built)
    before = built(image).logits
    state = {name: value.clone() for name, value in built.state_dict().items()}
    assert place_network(built, "cpu") is built
    assert all(torch.equal(value, state[name]) for name, value in built.state_dict().items())
    torch.testing.assert_close(built(image).logits, before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("network", "ndim"), [(name, n) for name, n in EVERY if name in OURS])
def test_batch_norm_can_be_synchronised(network, ndim):
    built = build_network(tiny(network), 1, SCALES, ndim).eval()
    image = image_for(built)
    expected = built(image).logits
    norms = sum(isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d) for part in built.modules())
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(built)
    synchronised = [part for part in converted.modules() if isinstance(part, nn.SyncBatchNorm)]
    assert len(synchronised) == norms
    assert torch.equal(converted(image).logits, expected)


@pytest.mark.parametrize(("network", "ndim"), EVERY)
def test_weights_of_another_network_are_refused(network, ndim):
    built = build_network(tiny(network, tasks=ASKED["binary"]), 1, SCALES, ndim)
    other = build_network(tiny("unet" if network != "unet" else "resunet", tasks=ASKED["binary"]), 1, SCALES, ndim)
    with pytest.raises(ValueError, match="weights: of another architecture"):
        load_weights(built, other.state_dict())


def test_the_same_seed_gives_the_same_weights():
    for network in OURS:
        states = []
        for _ in range(2):
            torch.manual_seed(7)
            states.append(build_network(tiny(network), 1, SCALES, 2).state_dict())
        assert all(torch.equal(a, b) for a, b in zip(*(state.values() for state in states)))

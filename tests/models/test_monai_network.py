"""MONAI's networks by name: what sizes they take is found by trying, what they cannot be is told in a line."""

import pytest
import torch

from ramify.models import ModelSettings, build_network
from ramify.models.monai_network import all_logits
from tests.asked import ASKED


def built(name: str, ndim: int = 2, **arguments):
    settings = ModelSettings(network=f"monai:{name}", tasks=ASKED["binary"], arguments=arguments)
    return build_network(settings, 1, 2, ndim)


@pytest.mark.parametrize(
    ("name", "arguments", "multiple"),
    [
        ("UNet", {"channels": [2, 4, 8, 16], "strides": [2, 2, 2]}, 8),
        ("UNet", {"channels": [2, 4, 8], "strides": [3, 2]}, 6),
        ("BasicUNet", {"features": [2, 2, 2, 2, 2, 2]}, 1),  # pads what does not fit by itself
    ],
    ids=["by two", "by three and two", "any"],
)
def test_the_size_multiple_is_found(name, arguments, multiple):
    network = built(name, **arguments)
    assert network.size_multiples[0] == multiple
    size = (3 * multiple, 5 * multiple) if multiple > 1 else (17, 33)
    assert network(torch.zeros(2, 1, *size)).logits.shape == (2, 1, *size)


def test_finding_it_leaves_the_network_as_it_was():
    torch.manual_seed(0)
    network = built("UNet", channels=[2, 4], strides=[2], norm="batch")
    assert network.training
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}
    tracked = [value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")]
    assert tracked
    assert not any(tracked)


def test_deep_supervision_of_its_own_on_a_new_axis():
    strides = {"kernel_size": [3, 3, 3, 3], "strides": [1, 2, 2, 2], "upsample_kernel_size": [2, 2, 2]}
    network = built("DynUNet", filters=[2, 2, 2, 2], deep_supervision=True, deep_supr_num=2, **strides)
    image = torch.randn(2, 1, 16, 16)
    outputs = network(image)
    assert [tuple(each.shape) for each in outputs.deep_logits] == [(2, 1, 16, 16)] * 2
    assert network.eval()(image).deep_logits == ()


def test_deep_supervision_of_its_own_in_a_list():
    network = built("SegResNetDS", init_filters=8, blocks_down=[1, 1, 1], dsdepth=2)
    image = torch.randn(2, 1, 16, 16)
    outputs = network(image)
    assert outputs.logits.shape == (2, 1, 16, 16)
    assert [tuple(each.shape) for each in outputs.deep_logits] == [(2, 1, 8, 8)]
    assert network.eval()(image).deep_logits == ()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("SegResnet", {}, "network monai:SegResnet: MONAI has no such network; did you mean SegResNet?"),
        ("Bicycle", {}, "network monai:Bicycle: MONAI has no such network"),
        (
            "Regressor",
            {},
            "network monai:Regressor: is no segmentation network: it takes no in_channels and out_channels",
        ),
        ("UNet", {}, "arguments: network monai:UNet also needs channels, strides"),
        (
            "SegResNet",
            {"init_filter": 4},
            "arguments.init_filter: network monai:SegResNet has no such argument; did you mean init_filters?",
        ),
        ("SegResNet", {"out_channels": 4}, "arguments.out_channels: is set by the task; leave it out"),
        ("UNet", {"channels": [2, 4], "strides": [2, 2, 2], "kernel_size": 0}, "network monai:UNet: .* do not fit: "),
        (
            "DenseNet",
            {"init_features": 2, "growth_rate": 2, "block_config": [1]},
            "tried multiples of 1 … 128; first: ",
        ),
    ],
)
def test_what_cannot_be_built(name, arguments, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")) as caught:
        built(name, **arguments)
    assert "\n" not in str(caught.value)


LOGITS, HALVES = torch.zeros(2, 3, 4, 6), torch.zeros(2, 3, 2, 3)


@pytest.mark.parametrize(
    ("outputs", "shapes"),
    [
        (LOGITS, [LOGITS.shape]),
        ([LOGITS], [LOGITS.shape]),
        ((LOGITS, HALVES), [LOGITS.shape, HALVES.shape]),
        (torch.stack([LOGITS, LOGITS], dim=1), [LOGITS.shape, LOGITS.shape]),
    ],
)
def test_logits_are_told_from_outputs(outputs, shapes):
    assert [each.shape for each in all_logits("network", outputs, 3, (4, 6))] == shapes


@pytest.mark.parametrize(
    "outputs",
    [
        HALVES,
        [LOGITS, LOGITS],  # which is the best one?
        [HALVES, LOGITS],
        [LOGITS, torch.tensor(1.0)],  # a loss of its own
        [LOGITS, torch.zeros(2, 3, 3, 4)],
        [LOGITS, HALVES[:, :2]],
        [],
        {"logits": LOGITS},
        [LOGITS, None],
    ],
)
def test_other_outputs_are_refused(outputs):
    with pytest.raises(ValueError, match=r"network: expected logits \(B, 3, 4, 6\), got "):
        all_logits("network", outputs, 3, (4, 6))


def test_a_network_built_for_one_size():
    pytest.importorskip("einops", reason="monai:UNETR needs einops, which is not installed")
    network = built("UNETR", img_size=[32, 48], feature_size=4, hidden_size=12, mlp_dim=12, num_heads=2)
    assert network(torch.zeros(1, 1, 32, 48)).logits.shape == (1, 1, 32, 48)
    with pytest.raises(ValueError, match=r"was built for size \(32, 48\), got \(32, 32\); use such patches"):
        network(torch.zeros(1, 1, 32, 32))

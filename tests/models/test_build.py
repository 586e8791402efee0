"""From settings to networks, and the main network alone: bit-equal, from a full state dict, nothing drawn."""

import pytest
import torch
from pydantic import ValidationError

from ramify.models import (
    ModelSettings,
    MultiTaskResUNet,
    Network,
    ResUNet,
    TaskOutputs,
    build_inference_network,
    build_network,
    load_weights,
    place_network,
)
from ramify.models.network_choices import NETWORK_CHOICES, NetworkChoices
from ramify.models.network_kind import NetworkKind
from ramify.models.networks import NETWORKS
from tests.asked import ASKED

SMALL = {"levels": 2, "base_channels": 4, "contrast": {"head": "per_scale"}}


def trained(settings: ModelSettings, ndim: int, scales: int = 2) -> Network:
    """A network whose batch-norm statistics are no longer the initial ones."""
    torch.manual_seed(0)
    network = build_network(settings, 1, scales, ndim)
    for _ in range(2):
        network(torch.randn(2, 1, *(8,) * ndim) * 3 + 1)
    return network.eval()


@pytest.mark.parametrize(
    ("formulation", "scales", "channels", "projections"),
    [("multi_task", 3, 4, 3), ("multi_task", 0, 1, 0), ("binary", 3, 1, 0), ("multi_class", 3, 4, 0)],
)
def test_each_formulation(formulation, scales, channels, projections):
    network = build_network(ModelSettings(tasks=ASKED[formulation], **SMALL), 1, scales, 2)
    assert isinstance(network, MultiTaskResUNet if projections else ResUNet)
    assert network.size_multiples[0] == 4
    outputs = network(torch.randn(2, 1, 8, 8))
    assert outputs.logits.shape == (2, channels, 8, 8)
    assert len(outputs.projections) == projections


def test_multi_class_needs_a_scale():
    with pytest.raises(ValueError, match="scales: expected an integer of at least 1, got 0"):
        build_network(ModelSettings(tasks=ASKED["multi_class"], **SMALL), 1, 0, 2)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("formulation", ["multi_task", "binary", "multi_class"])
def test_inference_network_is_bit_equal(formulation, ndim):
    settings = ModelSettings(tasks=ASKED[formulation], **SMALL)
    full = trained(settings, ndim)
    image = torch.randn(1, 1, *(8,) * ndim)
    expected = full(image).logits
    if formulation == "multi_task":
        expected = expected[:, :1]
    outputs = build_inference_network(settings, 1, 2, ndim, state=full.state_dict()).eval()(image)
    assert torch.equal(outputs.logits, expected)
    assert outputs.projections == ()


def test_inference_network_has_no_auxiliary_weights():
    settings = ModelSettings(**SMALL)
    network = build_inference_network(settings, 1, 3, 3)
    assert {name.split(".")[0] for name in network.state_dict()} == {"encoder", "main_decoder"}


def test_state_dict_goes_to_disk_and_back(tmp_path):
    full = trained(ModelSettings(**SMALL), 2)
    torch.save(full.state_dict(), tmp_path / "weights.pt")
    again = build_network(ModelSettings(**SMALL), 1, 2, 2)
    load_weights(again, torch.load(tmp_path / "weights.pt", weights_only=True))
    image = torch.randn(1, 1, 8, 8)
    assert torch.equal(again.eval()(image).logits, full(image).logits)


@pytest.mark.parametrize(
    ("other", "scales", "message"),
    [
        ({**SMALL, "levels": 3}, 2, "weights: of another architecture"),
        ({**SMALL, "base_channels": 8}, 2, r"weights: .* expected shape \(8, .* got \(4, "),
        (SMALL, 3, r"missing, 0 too many; no weights for projections\.2"),
        (SMALL, 1, r"0 missing, .* no place for projections\.1"),
    ],
)
def test_weights_of_another_architecture_change_nothing(other, scales, message):
    state = build_network(ModelSettings(**SMALL), 1, 2, 2).state_dict()
    network = build_network(ModelSettings(**other), 1, scales, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(ValueError, match=message) as caught:
        load_weights(network, state)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("ndim", [2, 3])
def test_placing_on_the_cpu_changes_the_order_of_memory_only(ndim):
    network = trained(ModelSettings(**SMALL), ndim)
    image = torch.randn(1, 1, *(8,) * ndim)
    before = network(image).logits
    state = {name: value.clone() for name, value in network.state_dict().items()}
    placed = place_network(network, "cpu")
    assert placed is network
    assert all(torch.equal(value, state[name]) for name, value in placed.state_dict().items())
    torch.testing.assert_close(placed(image).logits, before, rtol=1e-4, atol=1e-5)


class Threshold(Network):
    """One weight a channel: the smallest network there is."""

    def __init__(self, in_channels: int, out_channels: int, ndim: int) -> None:
        super().__init__(in_channels, ndim, size_multiple=1)
        self.head = torch.nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, image: torch.Tensor) -> TaskOutputs:
        self.check_image(image)
        return TaskOutputs(self.head(image))


def test_a_new_network_is_a_line_in_each_table(monkeypatch):
    kind = NetworkKind(lambda plan: Threshold(plan.in_channels, plan.tasks.n_channels, plan.ndim))
    monkeypatch.setitem(NETWORKS, "threshold", kind)
    monkeypatch.setitem(NETWORK_CHOICES, "threshold", NetworkChoices(frozenset()))
    settings = ModelSettings(network="threshold", tasks=ASKED["multi_class"])
    network = build_network(settings, 1, 3, 2)
    image = torch.randn(1, 1, 5, 6)
    assert network(image).logits.shape == (1, 4, 5, 6)
    predicting = build_inference_network(settings, 1, 3, 2, state=network.state_dict())
    assert torch.equal(predicting(image).logits, network(image).logits)
    with pytest.raises(ValidationError, match="levels: network threshold has no such choice"):
        ModelSettings(network="threshold", levels=3)

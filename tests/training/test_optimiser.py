"""Weight decay holds for kernels alone, and states of the earlier form are read or refused."""

import copy

import pytest
import torch
from torch import nn

from ramify.models import ModelSettings, build_network
from ramify.training.optimiser import build_optimiser, load_optimiser
from ramify.training.settings import TrainSettings


def network(seed: int = 0, ndim: int = 3) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(ModelSettings(levels=2, base_channels=2), 1, 2, ndim)


def asked(weight_decay: float = 0.0, **others: object) -> TrainSettings:
    return TrainSettings.model_validate({"learning_rate": 1e-2, "weight_decay": weight_decay, **others})


def step(of: nn.Module, optimiser: torch.optim.Optimizer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for weight in of.parameters():
        weight.grad = torch.randn(weight.shape, generator=generator)
    optimiser.step()


@pytest.mark.parametrize("ndim", [2, 3])
def test_without_a_gradient_kernels_fade_and_all_else_stays(ndim):
    trained = nn.Sequential(network(ndim=ndim), nn.LayerNorm(3), nn.Linear(3, 3), nn.PReLU())
    before = copy.deepcopy(trained.state_dict())
    optimiser = build_optimiser(trained, asked(0.05))
    for weight in trained.parameters():
        weight.grad = torch.zeros_like(weight)
    for _ in range(20):
        optimiser.step()
    kernels = 0
    for name, weight in trained.named_parameters():
        if weight.ndim >= 2:
            kernels += 1
            torch.testing.assert_close(weight, before[name] * (1 - 1e-2 * 0.05) ** 20)
        else:
            assert torch.equal(weight, before[name]), name
    assert kernels > 10
    assert [(len(group["params"]), group["weight_decay"]) for group in optimiser.param_groups] == [
        (kernels, 0.05),
        (len(before) - kernels - sum("running" in name or "num_batches" in name for name in before), 0.0),
    ]


def test_a_state_with_one_group_goes_on_where_nothing_decays():
    one, other = network(), network()
    earlier = torch.optim.AdamW(one.parameters(), lr=1e-2, weight_decay=0.0)
    for seed in range(2):
        step(one, earlier, seed)
    other.load_state_dict(one.state_dict())
    resumed = build_optimiser(other, asked())
    load_optimiser(resumed, other, copy.deepcopy(earlier.state_dict()))
    step(one, earlier, 2)
    step(other, resumed, 2)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters()))
    again = build_optimiser(other, asked())
    load_optimiser(again, other, resumed.state_dict())
    assert [group["weight_decay"] for group in again.param_groups] == [0.0, 0.0]


def test_a_state_in_which_norms_decayed_is_refused():
    trained = network()
    earlier = torch.optim.AdamW(trained.parameters(), weight_decay=0.1)
    with pytest.raises(ValueError, match=r"train.weight_decay held for norms, biases and PReLU slopes too"):
        load_optimiser(build_optimiser(trained, asked(0.1)), trained, earlier.state_dict())


def test_gradient_descent_has_nesterovs_momentum_and_decays_kernels_alone():
    """By hand: v = m v + g, w = w - r (g + m v), where g of a kernel has its decay."""
    rate, momentum, decay = 1e-2, 0.9, 0.05
    trained = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    optimiser = build_optimiser(trained, asked(decay, optimiser="sgd", momentum=momentum))
    expected = {name: weight.detach().clone() for name, weight in trained.named_parameters()}
    velocities = {name: torch.zeros_like(weight) for name, weight in expected.items()}
    for seed in range(3):
        step(trained, optimiser, seed)
        for name, weight in trained.named_parameters():
            gradient = weight.grad + (decay if name == "0.weight" else 0.0) * expected[name]
            velocities[name] = momentum * velocities[name] + gradient
            expected[name] = expected[name] - rate * (gradient + momentum * velocities[name])
    for name, weight in trained.named_parameters():
        torch.testing.assert_close(weight.detach(), expected[name])


def test_a_state_of_another_optimiser_or_another_momentum_is_refused():
    trained = network()
    descent = build_optimiser(trained, asked(optimiser="sgd"))
    step(trained, descent, 0)
    saved = copy.deepcopy(descent.state_dict())
    load_optimiser(build_optimiser(trained, asked(optimiser="sgd")), trained, saved)
    with pytest.raises(ValueError, match=r"optimiser.param_groups: momentum is 0.99, expected 0.5"):
        load_optimiser(build_optimiser(trained, asked(optimiser="sgd", momentum=0.5)), trained, saved)
    with pytest.raises(ValueError, match=r"optimiser.param_groups: without betas"):
        load_optimiser(build_optimiser(trained, asked()), trained, saved)
    saved["state"][0]["momentum_buffer"] = torch.zeros(1)
    with pytest.raises(ValueError, match=r"optimiser.state.0.momentum_buffer: expected numbers of shape"):
        load_optimiser(build_optimiser(trained, asked(optimiser="sgd")), trained, saved)

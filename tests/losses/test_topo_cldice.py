"""Topo-clDice: beside numpy, drawn cases, replay, bad input."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ramify.losses.dice import dice_loss
from ramify.losses.term_settings import TopoClDiceSettings
from ramify.losses.topo_cldice import topo_cldice_loss
from ramify.losses.topological_thinning import binary_skeleton, topological_skeleton


def vessel(*gap: int) -> torch.Tensor:
    """(1, 1, 12, 20) with a horizontal vessel three wide, without the columns in `gap`."""
    mask = torch.zeros(1, 1, 12, 20)
    mask[..., 4:7, 1:19] = 1.0
    mask[..., list(gap)] = 0.0
    return mask


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("over_batch", [False, True])
@pytest.mark.parametrize("size", [(9, 11), (5, 6, 7)])
def test_beside_numpy(size, over_batch):
    probabilities = torch.rand(2, 3, *size, generator=seeded(0), dtype=torch.float64)
    target = torch.rand(2, 3, *size, generator=seeded(1)) < 0.4
    loss = topo_cldice_loss(probabilities, target, iterations=3, smooth=0.7, over_batch=over_batch, generator=seeded(2))
    s_p = topological_skeleton(probabilities, 3, generator=seeded(2)).numpy().reshape(2, 3, -1)
    s_l = binary_skeleton(target, 3).numpy().reshape(2, 3, -1)
    v_p, v_l = probabilities.numpy().reshape(2, 3, -1), target.numpy().reshape(2, 3, -1)
    axes = (0, 2) if over_batch else 2
    precision = ((s_p * v_l).sum(axes) + 0.7) / (s_p.sum(axes) + 0.7)
    sensitivity = ((s_l * v_p).sum(axes) + 0.7) / (s_l.sum(axes) + 0.7)
    assert loss.item() == pytest.approx((1 - 2 * precision * sensitivity / (precision + sensitivity)).mean(), abs=1e-9)


@pytest.mark.parametrize("over_batch", [False, True])
def test_perfect_and_empty_are_exactly_zero(over_batch):
    target = torch.rand(2, 3, 8, 9, 10, generator=seeded(0)) > 0.6
    target[0, 1] = False
    assert topo_cldice_loss(target.float(), target, over_batch=over_batch).item() == 0.0
    nothing = torch.zeros(2, 3, 5, 6)
    assert topo_cldice_loss(nothing, nothing, over_batch=over_batch).item() == 0.0
    assert topo_cldice_loss(nothing + 1, nothing + 1, over_batch=over_batch).item() == 0.0


def test_by_hand_a_missed_half():
    # One voxel wide, of which the right half is missed: Tprec = 1, Tsens = (9 + 1) / (18 + 1).
    target = torch.zeros(1, 1, 5, 20)
    target[..., 2, 1:19] = 1.0
    probabilities = target.clone()
    probabilities[..., 10:] = 0.0
    assert topo_cldice_loss(probabilities, target).item() == pytest.approx(1 - 2 * (10 / 19) / (1 + 10 / 19), abs=1e-6)


def test_a_shaved_vessel_costs_nothing_and_a_broken_one_does():
    target = vessel()
    shaved = target.clone()
    shaved[..., 4, :] = shaved[..., 6, :] = 0.0
    assert topo_cldice_loss(shaved, target, iterations=3).item() == 0.0
    assert dice_loss(shaved, target).item() == pytest.approx(0.5, abs=1e-3)
    broken = vessel(9, 10)
    assert topo_cldice_loss(broken, target, iterations=3).item() > 0.05


def test_a_spur_costs_precision():
    spur = vessel()
    spur[..., 7:12, 10] = 1.0
    assert topo_cldice_loss(spur, vessel(), iterations=3).item() > 0.05
    assert dice_loss(spur, vessel()).item() < 0.05


def test_false_alarm_on_an_empty_target_and_a_miss_cost_nearly_one():
    line = torch.zeros(1, 1, 3, 500)
    line[..., 1, :] = 1.0
    nothing = torch.zeros_like(line)
    assert topo_cldice_loss(line, nothing).item() == pytest.approx(1 - 2 / 502, abs=1e-4)
    assert topo_cldice_loss(nothing, line).item() == pytest.approx(1 - 2 / 502, abs=1e-4)


def test_the_gradient_fills_a_gap():
    probabilities = (vessel(9, 10) * 0.8 + 0.1).requires_grad_()
    topo_cldice_loss(probabilities, vessel(), iterations=3, generator=seeded(0)).backward()
    assert probabilities.grad[0, 0, 5, 9].item() < 0.0
    assert bool(torch.isfinite(probabilities.grad).all())


def test_the_gradient_clears_an_empty_volume():
    probabilities = torch.full((1, 1, 20, 20), 0.3).requires_grad_()
    topo_cldice_loss(probabilities, torch.zeros(1, 1, 20, 20), iterations=2, generator=seeded(0)).backward()
    assert probabilities.grad.min().item() >= 0.0
    assert probabilities.grad.max().item() > 0.0


def test_the_generator_replays_the_loss():
    probabilities = torch.rand(1, 2, 9, 9, 9, generator=seeded(0)).requires_grad_()
    target = torch.rand(1, 2, 9, 9, 9, generator=seeded(1)) < 0.3

    def draw(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        loss = topo_cldice_loss(probabilities, target, generator=seeded(seed))
        return loss, torch.autograd.grad(loss, probabilities)[0]

    first, again, other = draw(5), draw(5), draw(6)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_bfloat16_is_computed_in_single():
    probabilities = (vessel() * 0.5 + 0.25).bfloat16().requires_grad_()
    loss = topo_cldice_loss(probabilities, vessel(), iterations=2)
    loss.backward()
    assert loss.dtype == torch.float32
    assert probabilities.grad.dtype == torch.bfloat16


def test_settings_are_the_keyword_arguments():
    loss = topo_cldice_loss(vessel() * 0.9, vessel(), **dict(TopoClDiceSettings(iterations=2)), generator=seeded(0))
    assert loss.item() == topo_cldice_loss(vessel() * 0.9, vessel(), iterations=2, generator=seeded(0)).item()
    defaults = topo_cldice_loss.__kwdefaults__
    assert dict(TopoClDiceSettings()) == {
        name: value for name, value in defaults.items() if name not in ("generator", "mask")
    }


@pytest.mark.parametrize(
    "wrong", [{"iterations": 0}, {"smooth": 0.0}, {"temperature": 0.0}, {"noise_scale": -0.1}, {"simple_points": "lee"}]
)
def test_settings_out_of_range(wrong):
    with pytest.raises(ValidationError):
        TopoClDiceSettings(**wrong)


def test_bad_input():
    with pytest.raises(ValueError, match=r"shape \(1, 1, 12, 20\) differs from the target's \(1, 1, 4, 4\)"):
        topo_cldice_loss(vessel(), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match=r"expected \[0, 1\], got \[-3, 3\]; pass logits through a sigmoid"):
        topo_cldice_loss(vessel() * 6 - 3, vessel())
    with pytest.raises(ValueError, match=r"iterations: expected an integer in 1\.\.1000, got 0"):
        topo_cldice_loss(vessel(), vessel(), iterations=0)


def test_soft_targets_have_the_skeleton_of_their_larger_half():
    soft = vessel() * 0.6 + 0.2
    expected = topo_cldice_loss(soft, vessel(), iterations=3, generator=seeded(0)).item()
    binary = np.round(soft.numpy())
    assert np.array_equal(binary, vessel().numpy())
    # Tsens asks only for the skeleton, which is the same; Tprec also for the volume, which is not.
    assert topo_cldice_loss(soft, soft, iterations=3, generator=seeded(0)).item() > expected

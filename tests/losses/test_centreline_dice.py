"""Centreline Dice of given skeletons: by hand and beside numpy."""

import numpy as np
import pytest
import torch

from ramify.losses.centreline_dice import centreline_dice


def row(*values: float) -> torch.Tensor:
    """One sample, one channel, one row (1, 1, n)."""
    return torch.tensor(values).view(1, 1, -1)


def test_by_hand():
    # Tprec = (0.5 + 1) / (1.5 + 1) and Tsens = (0.5 + 1 + 1) / (2 + 1)
    value = centreline_dice(
        row(0.5, 1.0, 0.0), row(0.5, 1.0, 0.25), row(1.0, 0.0, 1.0), row(1.0, 0.0, 1.0), smooth=1.0, over_batch=False
    )
    precision, sensitivity = 1.5 / 2.5, 1.75 / 3.0
    assert value.shape == (1, 1)
    assert value.item() == pytest.approx(2 * precision * sensitivity / (precision + sensitivity), abs=1e-6)


@pytest.mark.parametrize("size", [(5, 6), (3, 4, 5)])
def test_beside_numpy(size):
    generator = torch.Generator().manual_seed(0)
    s_p, v_p, s_l, v_l = (torch.rand(2, 3, *size, generator=generator, dtype=torch.float64) for _ in range(4))
    for over_batch, axes in ((False, (2,)), (True, (0, 2))):
        a, b, c, d = (t.numpy().reshape(2, 3, -1) for t in (s_p, v_p, s_l, v_l))
        precision = ((a * d).sum(axes) + 0.5) / (a.sum(axes) + 0.5)
        sensitivity = ((c * b).sum(axes) + 0.5) / (c.sum(axes) + 0.5)
        value = centreline_dice(s_p, v_p, s_l, v_l, 0.5, over_batch)
        expected = 2 / (1 / precision + 1 / sensitivity)
        np.testing.assert_allclose(value.numpy(), expected.reshape(value.shape), rtol=1e-12)
        assert value.shape == ((1, 3) if over_batch else (2, 3))


def test_gradient():
    generator = torch.Generator().manual_seed(0)
    s_p, v_p, s_l, v_l = (torch.rand(2, 1, 3, 4, generator=generator, dtype=torch.float64) for _ in range(4))
    s_p.requires_grad_(), v_p.requires_grad_()
    assert torch.autograd.gradcheck(lambda s, v: centreline_dice(s, v, s_l, v_l, 1.0, False), (s_p, v_p))


def test_perfect_empty_and_missed():
    mask, nothing = row(1.0, 1.0, 0.0), row(0.0, 0.0, 0.0)
    assert centreline_dice(mask, mask, mask > 0, mask > 0, 1e-3, False).item() == 1.0
    assert centreline_dice(nothing, nothing, nothing, nothing, 1e-3, False).item() == 1.0
    assert centreline_dice(nothing, nothing, mask, mask, 1e-3, False).item() == pytest.approx(1e-3, rel=1e-2)
    assert centreline_dice(mask, mask, nothing, nothing, 1e-3, False).item() == pytest.approx(1e-3, rel=1e-2)


def test_half_precision_is_computed_in_single():
    mask = row(1.0, 1.0, 0.0).half()
    assert centreline_dice(mask, mask, mask, mask, 1.0, False).dtype == torch.float32

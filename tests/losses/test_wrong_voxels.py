"""The losses of the voxels that change topology: nothing where nothing is wrong, and each channel by itself."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from ramify.losses.topograph import topograph_loss
from ramify.losses.warping import warping_loss
from tests.losses.test_topograph import AGGREGATIONS

LOSSES = [warping_loss, *(partial(topograph_loss, aggregation=one) for one in AGGREGATIONS)]  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [(12, 9), (6, 7, 8)])
def test_perfect_empty_and_full_are_exactly_zero(size, loss):
    target = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) < 0.5
    target[0, 1], target[1, 1] = False, True
    probabilities = target.float().requires_grad_()
    value = loss(probabilities, target)
    value.backward()
    assert value.item() == 0.0
    assert not probabilities.grad.any()


@pytest.mark.parametrize("loss", LOSSES)
def test_channels_and_samples_by_themselves(loss):
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, 3, 9, 8, generator=generator, dtype=torch.float64)
    target = torch.rand(2, 3, 9, 8, generator=generator) < 0.5
    each = [loss(probabilities[[b]][:, [c]], target[[b]][:, [c]]).item() for b, c in product(range(2), range(3))]
    assert loss(probabilities, target).item() == pytest.approx(np.mean(each), abs=1e-12)

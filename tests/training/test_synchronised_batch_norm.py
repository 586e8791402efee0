"""Batch norm over all ranks on the CPU: that of torch, in every precision and with or without weights."""

import pytest
import torch
from torch import nn

from ramify.training.distributed import _synchronise_batch_norms

NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_lone_process_gets_what_torch_gives(ndim, affine, dtype):
    torch.manual_seed(0)
    # A network without any weight at all is a network too.
    theirs = nn.Sequential(NORMS[ndim](3, affine=affine))
    ours = nn.Sequential(NORMS[ndim](3, affine=affine))
    _synchronise_batch_norms(ours)
    assert type(ours[0]) is not type(theirs[0])
    values = (3 * torch.randn(2, 3, *(8,) * ndim) + 5).to(dtype)
    for training in (True, False):
        one, other = (network.train(training)(values) for network in (theirs, ours))
        assert other.dtype == one.dtype
        torch.testing.assert_close(other, one)
    assert ours[0].num_batches_tracked == 1
    torch.testing.assert_close(ours[0].running_mean, theirs[0].running_mean)
    torch.testing.assert_close(ours[0].running_var, theirs[0].running_var)

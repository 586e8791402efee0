"""The ways to a soft skeleton."""

import pytest
import torch

from ramify.losses import soft_skeleton_kernels, soft_skeleton_rounds, soft_skeletonisation


@pytest.fixture(params=["compiled", "compiled in threads", "plain", "plain by slabs"])
def way(request, monkeypatch) -> str:
    """Every way to the same result."""
    monkeypatch.setattr(soft_skeletonisation, "COMPILED", request.param.startswith("compiled"))
    if request.param == "compiled in threads":
        monkeypatch.setattr(soft_skeleton_kernels, "THREAD_VOXELS", 1)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    if request.param == "plain by slabs":
        monkeypatch.setattr(soft_skeleton_rounds, "SLAB_CPU", 25)
    return request.param

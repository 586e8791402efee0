"""Logits read as probabilities, for each formulation."""

import math

import pytest
import torch

from ramify.models import main_probabilities, task_probabilities
from tests.asked import asked


def voxel(*logits: float) -> torch.Tensor:
    """Logits (1, K, 1, 1) of one voxel."""
    return torch.tensor(logits).view(1, -1, 1, 1)


@pytest.mark.parametrize("formulation", ["multi_task", "binary"])
def test_sigmoid_of_the_main_channel(formulation):
    assert main_probabilities(voxel(math.log(3.0), -9.0), asked(formulation, 3)).flatten().tolist() == pytest.approx(
        [0.75]
    )


def test_all_tasks():
    logits = voxel(0.0, math.log(3.0), -math.log(3.0))
    assert task_probabilities(logits, asked("multi_task", 3)).flatten().tolist() == pytest.approx([0.5, 0.75, 0.25])


def test_multi_class_is_whatever_is_not_background():
    logits = voxel(math.log(2.0), math.log(5.0), math.log(3.0))
    assert task_probabilities(logits, asked("multi_class", 2)).flatten().tolist() == pytest.approx([0.8, 0.5, 0.3])
    assert main_probabilities(logits, asked("multi_class", 2)).flatten().tolist() == pytest.approx([0.8])


def test_multi_class_keeps_small_probabilities():
    # 1 - softmax of the background would round to 0 here.
    assert main_probabilities(voxel(40.0, 0.0), asked("multi_class", 1)).item() == pytest.approx(
        math.exp(-40.0), rel=1e-5
    )


def test_half_precision_is_read_in_float32():
    assert main_probabilities(voxel(1.0).bfloat16(), asked("binary", 3)).dtype == torch.float32


@pytest.mark.parametrize("formulation", ["multi_task", "binary", "multi_class"])
def test_one_channel_of_the_whole_batch(formulation):
    assert main_probabilities(torch.randn(2, 4, 3, 3, 3), asked(formulation, 3)).shape == (2, 1, 3, 3, 3)

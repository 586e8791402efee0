"""What constants reach: the closed form, that nothing is lower, and how alike embeddings are, by hand."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from ramify.losses import contrast_floor, contrastive_loss
from ramify.losses.constant_contrast import spread_of


def simplex(labels: int) -> torch.Tensor:
    """As many unit vectors, any two of them with the cosine -1 / (labels - 1)."""
    return normalize(torch.eye(labels, dtype=torch.float64) - 1 / labels, dim=1)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("counts", [[5, 5], [4, 4, 4], [2, 7, 3], [3, 0, 6], [1, 4, 4], [9, 2, 2, 2]])
def test_constants_on_a_simplex_have_that_loss(counts, balanced):
    present = [label for label, count in enumerate(counts) if count]
    labels = torch.tensor(present).repeat_interleave(torch.tensor([counts[label] for label in present]))
    corners = torch.zeros(len(counts), len(present), dtype=torch.float64)
    corners[present] = simplex(len(present))
    loss = contrastive_loss(corners[labels], labels, 0.3, balanced=balanced)
    assert contrast_floor(counts, 0.3, balanced=balanced) == pytest.approx(loss.item(), rel=1e-12)


def test_embeddings_of_past_steps_are_negatives_and_no_anchors():
    labels = torch.tensor([0, 0, 0, 1, 1, 0, 0, 0, 0, 1])  # five anchors, then what is remembered
    loss = contrastive_loss(simplex(2)[labels], labels, 0.5, 5)
    assert contrast_floor([3, 2], 0.5, [7, 3]) == pytest.approx(loss.item(), rel=1e-12)


def test_the_printed_setting_by_hand():
    assert contrast_floor([512] * 3, 0.94) == pytest.approx(math.log(1 + 1024 * math.exp(-1.5 / 0.94)), rel=1e-12)


@pytest.mark.parametrize("counts", [[], [7], [0, 7, 0], [1, 1], [0, 0]])
def test_without_a_pair_to_tell_apart_there_is_no_loss(counts):
    assert contrast_floor(counts, 0.1) == 0.0


@pytest.mark.parametrize(("labels", "channels"), [(2, 1), (2, 5), (3, 2), (4, 3)])
def test_free_embeddings_come_down_to_the_floor_and_no_lower(labels, channels):
    generator = torch.Generator().manual_seed(0)
    of_label = torch.arange(labels).repeat_interleave(6)
    free = torch.randn(6 * labels, channels, generator=generator, dtype=torch.float64).requires_grad_()
    floor = contrast_floor([6] * labels, 0.94)
    optimiser = torch.optim.Adam([free], 0.05)
    for _ in range(400):
        optimiser.zero_grad()
        loss = contrastive_loss(normalize(free, dim=1), of_label, 0.94)
        assert loss.item() >= floor - 1e-12
        loss.backward()
        optimiser.step()
    if channels > 1:  # on a line a vector cannot turn, it would have to jump
        assert loss.item() == pytest.approx(floor, rel=1e-3)


def test_spread_by_hand():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, -1.0], [-1.0, 0.0]])
    within, between = spread_of(embeddings, torch.tensor([3, 3, 0, 0, 7]))
    assert {label: round(value.item(), 6) for label, value in within.items()} == {
        0: 1.0,
        3: round(0.5**0.5, 6),
        7: 1.0,
    }
    # Directions (0, -1), (1, 1) / sqrt(2), (-1, 0): their three cosines.
    assert between is not None
    assert between.item() == pytest.approx((-(0.5**0.5) - 0.5**0.5 + 0.0) / 3)


def test_the_spread_is_the_mean_cosine_to_the_mean_direction():
    embeddings = normalize(torch.randn(50, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    within, between = spread_of(embeddings, torch.ones(50, dtype=torch.long))
    cosines = embeddings @ normalize(embeddings.mean(0), dim=0)
    torch.testing.assert_close(within[1], cosines.mean())
    assert between is None

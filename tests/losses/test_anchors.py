"""Anchors: which vectors, with which labels, drawn replayably."""

import pytest
import torch

from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.anchors import sample_anchors


def projections(scales: int = 3, ndim: int = 2, batch: int = 2, channels: int = 4, length: int = 2):
    generator = torch.Generator().manual_seed(0)
    shape = (batch, channels, *(length,) * ndim)
    return tuple(torch.nn.functional.normalize(torch.randn(shape, generator=generator), dim=1) for _ in range(scales))


def label_map(ndim: int = 2, batch: int = 2, length: int = 8) -> torch.Tensor:
    return torch.zeros((batch, *(length,) * ndim), dtype=torch.uint8)


@pytest.mark.parametrize("ndim", [2, 3])
def test_dense_takes_every_position_of_every_scale(ndim):
    given = projections(ndim=ndim)
    embeddings, labels = sample_anchors(given, label_map(ndim), AnchorSettings())
    positions = 2 * 2**ndim
    assert labels.tolist() == [1] * positions + [2] * positions + [3] * positions
    assert torch.equal(embeddings[0], given[0][(0, slice(None), *(0,) * ndim)])
    assert torch.equal(embeddings[positions - 1], given[0][(1, slice(None), *(1,) * ndim)])
    assert torch.equal(embeddings[-1], given[2][(1, slice(None), *(1,) * ndim)])


def test_cap_is_shared_equally_and_drawn_without_replacement():
    given = projections(length=8)
    embeddings, labels = sample_anchors(given, label_map(), AnchorSettings(cap=31))
    assert torch.bincount(labels).tolist() == [0, 10, 10, 10]
    assert len(torch.unique(embeddings, dim=0)) == 30


def test_the_draw_is_replayable_and_varies():
    given = projections(length=8)
    settings = AnchorSettings(cap=30)
    draws = [sample_anchors(given, label_map(), settings, torch.Generator().manual_seed(s))[0] for s in (5, 5, 6)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_the_given_generator_alone_is_used():
    before = torch.get_rng_state()
    sample_anchors(projections(length=8), label_map(), AnchorSettings(cap=9), torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_drawn_below_the_cap():
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    sample_anchors(projections(), label_map(), AnchorSettings(cap=24), generator)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("ndim", [2, 3])
def test_pooled_is_one_unit_vector_a_volume_and_scale(ndim):
    given = projections(ndim=ndim)
    embeddings, labels = sample_anchors(given, label_map(ndim), AnchorSettings(mode="pooled"))
    assert labels.tolist() == [1, 1, 2, 2, 3, 3]
    mean = given[1][1].flatten(1).mean(1)
    torch.testing.assert_close(embeddings[3], mean / mean.norm())


@pytest.mark.parametrize("ndim", [2, 3])
def test_masked_takes_the_positions_where_a_scale_is_present(ndim):
    given = projections(ndim=ndim)
    labels = label_map(ndim)
    labels[(0, *(0,) * ndim)] = 1  # one voxel is enough for its position, blocks of 4 voxels along each axis
    labels[(0, *(3,) * ndim)] = 2  # the same block: the last voxel in it
    labels[(1, *(4,) * ndim)] = 2  # the block after
    embeddings, scales = sample_anchors(given, labels, AnchorSettings(mode="masked"))
    assert scales.tolist() == [1, 2, 2]
    assert torch.equal(embeddings[0], given[0][(0, slice(None), *(0,) * ndim)])
    assert torch.equal(embeddings[1], given[1][(0, slice(None), *(0,) * ndim)])
    assert torch.equal(embeddings[2], given[1][(1, slice(None), *(1,) * ndim)])


def test_masked_with_blocks_that_differ_by_axis():
    given = (torch.arange(8.0).view(1, 1, 2, 4),)
    labels = torch.zeros(1, 4, 12, dtype=torch.long)
    labels[0, 1, 5] = labels[0, 2, 9] = 1
    embeddings, _ = sample_anchors(given, labels, AnchorSettings(mode="masked"))
    assert embeddings.flatten().tolist() == [1.0, 7.0]


def test_masked_without_any_vessel_is_empty_with_a_gradient():
    given = tuple(p.requires_grad_() for p in projections())
    embeddings, labels = sample_anchors(given, label_map(), AnchorSettings(mode="masked"))
    assert embeddings.shape == (0, 4)
    assert len(labels) == 0
    embeddings.sum().backward()
    assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in given)


def test_no_scales_no_anchors():
    embeddings, labels = sample_anchors((), label_map(), AnchorSettings())
    assert len(embeddings) == len(labels) == 0


def test_half_precision_becomes_float32():
    embeddings, _ = sample_anchors([p.bfloat16() for p in projections()], label_map(), AnchorSettings())
    assert embeddings.dtype == torch.float32


@pytest.mark.parametrize("shape", [(2, 7, 8), (1, 8, 8), (2, 8, 8, 8)])
def test_labels_that_do_not_fit(shape):
    with pytest.raises(ValueError, match=r"scale_map: expected \(B, \*S\) with axes that are multiples .* got"):
        sample_anchors(projections(), torch.zeros(shape, dtype=torch.long), AnchorSettings())


@pytest.mark.parametrize("bad", [{"mode": "sparse"}, {"cap": 1}, {"caps": 9}])
def test_settings_out_of_range(bad):
    with pytest.raises(ValueError, match=f"^AnchorSettings: {next(iter(bad))}: [^\\n]*$"):
        AnchorSettings(**bad)

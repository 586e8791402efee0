"""Anchors that all scales share: which positions, with which classes, how many of each, drawn replayably."""

import pytest
import torch

from ramify.losses import AnchorSettings, sample_shared_anchors
from ramify.losses.shared_anchors import position_classes

ALONE = AnchorSettings(near_background=0)


def numbered(*size: int, batch: int = 1) -> torch.Tensor:
    """A projection of one channel that numbers its positions."""
    return torch.arange(float(batch * torch.Size(size).numel())).view(batch, 1, *size)


def test_positions_with_vessel_have_the_scale_that_is_there():
    scales = torch.tensor([[[0, 0, 1, 0], [0, 0, 0, 0], [2, 2, 0, 0], [2, 2, 0, 3]]])
    embeddings, classes = sample_shared_anchors(numbered(2, 2), scales, 3, ALONE)
    assert (embeddings.flatten().tolist(), classes.tolist()) == ([1.0, 2.0, 3.0], [1, 2, 3])


@pytest.mark.parametrize(("mixed", "expected"), [("smallest", [1, 2, 3]), ("left_out", [-1, -1, 3])])
def test_a_position_with_several_scales(mixed, expected):
    scales = torch.tensor([[[3, 1, 3, 2, 3, 0]]])
    settings = AnchorSettings(near_background=0, mixed=mixed)
    assert position_classes(scales, (1, 3), 3, settings).flatten().tolist() == expected


@pytest.mark.parametrize(("reach", "expected"), [(0, "--1--"), (1, "-010-"), (2, "00100"), (9, "00100")])
def test_background_is_a_class_near_vessels(reach, expected):
    scales = torch.tensor([[0, 0, 1, 0, 0]])[None]
    classes = position_classes(scales, (1, 5), 1, AnchorSettings(near_background=reach)).flatten().tolist()
    assert "".join("-" if value < 0 else str(value) for value in classes) == expected


def test_what_nobody_knows_is_no_background():
    scales, ignored = torch.tensor([[0, 0, 1, 0, 0, 0]])[None], torch.tensor([[0, 1, 0, 0, 0, 0]])[None].bool()
    settings = AnchorSettings(near_background=9)
    assert position_classes(scales, (1, 6), 1, settings, ignored).flatten().tolist() == [0, -1, 1, 0, 0, 0]
    assert position_classes(scales, (1, 3), 1, settings, ignored).flatten().tolist() == [-1, 1, 0]
    embeddings, _ = sample_shared_anchors(numbered(1, 6), scales, 1, settings, ignored=ignored)
    assert sorted(embeddings.flatten().tolist()) == [0, 2, 3, 4, 5]


def test_near_is_within_so_many_positions_along_every_axis_of_a_volume():
    scales = torch.zeros(1, 5, 5, 5, dtype=torch.uint8)
    scales[0, 2, 2, 2] = 2
    classes = position_classes(scales, (5, 5, 5), 2, AnchorSettings(near_background=1))
    assert (classes == 0).sum() == 26
    assert classes[0, 2, 2, 2] == 2
    assert classes[0, 0, 2, 2] == -1


@pytest.mark.parametrize("ndim", [2, 3])
def test_every_class_gets_the_same_share_of_the_cap(ndim):
    scales = torch.zeros((2, *(8,) * ndim), dtype=torch.uint8)
    scales[0, :3], scales[0, 3:7], scales[1, 0] = 1, 2, 3
    settings = AnchorSettings(cap=20, near_background=8)
    projection = numbered(*(8,) * ndim, batch=2)
    embeddings, classes = sample_shared_anchors(projection, scales, 3, settings, torch.Generator().manual_seed(0))
    assert classes.bincount().tolist() == [5, 5, 5, 5]
    flat = scales.flatten()
    assert [int(flat[int(position)]) for position in embeddings.flatten()] == classes.tolist()
    assert len(embeddings.unique()) == 20


def test_the_draw_is_replayable_and_varies_and_uses_its_generator_alone():
    scales = torch.ones(1, 8, 8, dtype=torch.uint8)
    before = torch.get_rng_state()
    draws = [
        sample_shared_anchors(numbered(8, 8), scales, 1, AnchorSettings(cap=9), torch.Generator().manual_seed(seed))[0]
        for seed in (5, 5, 6)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("errors", "least"), [(0.5, 2), (1.0, 3)])
def test_anchors_where_the_network_is_wrong(errors, least):
    scales = torch.ones(1, 1, 64, dtype=torch.uint8)
    wrong = torch.zeros(1, 1, 64, dtype=torch.bool)
    wrong[0, 0, [8, 20, 40]] = True
    settings = AnchorSettings(cap=4, near_background=0, errors=errors)
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        embeddings, _ = sample_shared_anchors(numbered(1, 64), scales, 1, settings, generator, wrong)
        assert len(embeddings.unique()) == 4
        assert sum(int(value) in (8, 20, 40) for value in embeddings) >= least


def test_errors_must_be_known_to_be_drawn_from():
    with pytest.raises(ValueError, match="anchors where the network is wrong need to know where it is"):
        sample_shared_anchors(numbered(1, 4), torch.ones(1, 1, 4, dtype=torch.uint8), 1, AnchorSettings(errors=0.5))


@pytest.mark.parametrize("settings", [ALONE, AnchorSettings()])
def test_without_a_vessel_there_are_none_and_the_gradient_is_zero(settings):
    projection = torch.ones(2, 3, 4, 4, requires_grad=True)
    embeddings, classes = sample_shared_anchors(projection, torch.zeros(2, 8, 8, dtype=torch.uint8), 3, settings)
    assert embeddings.shape == (0, 3)
    assert len(classes) == 0
    embeddings.sum().backward()
    assert projection.grad is not None
    assert not projection.grad.any()


def test_the_gradient_reaches_the_chosen_positions_alone():
    projection = torch.ones(1, 2, 1, 3, requires_grad=True)
    embeddings, _ = sample_shared_anchors(projection, torch.tensor([[[0, 2, 0]]]), 2, ALONE)
    embeddings.sum().backward()
    assert projection.grad is not None
    assert projection.grad[0, 0, 0].tolist() == [0.0, 1.0, 0.0]


def test_half_precision_becomes_float32():
    scales = torch.ones(1, 2, 2, dtype=torch.uint8)
    assert sample_shared_anchors(numbered(2, 2).bfloat16(), scales, 1, ALONE)[0].dtype == torch.float32


@pytest.mark.parametrize("shape", [(2, 7, 8), (1, 8, 8), (2, 8, 8, 8)])
def test_a_scale_map_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"scale_map: expected \(B, \*S\) with axes that are multiples .* got"):
        sample_shared_anchors(numbered(2, 2, batch=2), torch.zeros(shape, dtype=torch.long), 3, ALONE)


@pytest.mark.parametrize("bad", [{"mixed": "largest"}, {"near_background": -1}, {"errors": 1.5}])
def test_settings_out_of_range(bad):
    with pytest.raises(ValueError, match=f"^AnchorSettings: {next(iter(bad))}: [^\\n]*$"):
        AnchorSettings(**bad)

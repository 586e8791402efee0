"""The multi-task network: widths, shapes, a parameter count by hand, and who gets whose gradient."""

import pytest
import torch

from ramify.models import MultiTaskResUNet, ResUNet


def size_at(ndim: int, length: int = 8) -> tuple[int, ...]:
    return (length,) * ndim


def test_widths_and_projection_input_are_the_papers():
    with torch.device("meta"):
        network = MultiTaskResUNet(in_channels=1, n_scales=3, levels=5, base_channels=8, ndim=3)
    assert network.encoder.widths == (8, 16, 32, 64, 128, 256)
    assert network.size_multiples[0] == 32
    assert len(network.scale_decoders) == 3
    for head in network.projections:  # fed by 2^(l-1) f0 = 128 channels
        assert head.layers[0][0].in_channels == 128
        assert head.layers[2][0].out_channels == 64


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("scales", [0, 1, 2, 3, 4])
def test_shapes(ndim, scales):
    network = MultiTaskResUNet(2, scales, levels=2, base_channels=4, ndim=ndim, embedding_channels=5)
    outputs = network(torch.randn(2, 2, *size_at(ndim)))
    assert outputs.logits.shape == (2, 1 + scales, *size_at(ndim))
    # The first decoder stage is one up-sampling above the bottom: 8 / 2^(l-1) = 4.
    assert [p.shape for p in outputs.projections] == [(2, 5, *size_at(ndim, 4))] * scales


def test_sizes_may_differ_by_axis_and_one_level_is_enough():
    outputs = MultiTaskResUNet(1, 2, levels=1, base_channels=2, ndim=3)(torch.randn(1, 1, 2, 4, 6))
    assert outputs.logits.shape == (1, 3, 2, 4, 6)
    assert outputs.projections[0].shape == (1, 1, 2, 4, 6)


@pytest.mark.parametrize(("ndim", "taps"), [(2, 9), (3, 27)])
def test_parameters_counted_by_hand(ndim, taps):
    # levels 1, f0 2, one channel in: widths 2 and 4. A block n -> m: two 3^n convolutions, each with batch norm (2m), a
    # 1^n shortcut with batch norm, two PReLU slopes.
    def block(n: int, m: int) -> int:
        return taps * n * m + 2 * m + taps * m * m + 2 * m + n * m + 2 * m + 2

    encoder = block(1, 2) + block(2, 4)
    decoder = (4 * 2 + 2) + block(4, 2) + (2 * 1 + 1)  # up-sampling's convolution with bias, block, head with bias
    projection = (2 * 2 + 2 * 2 + 1) + (2 * 3 + 2 * 3 + 1)
    network = MultiTaskResUNet(1, 2, levels=1, base_channels=2, ndim=ndim, embedding_channels=3)
    assert sum(p.numel() for p in network.parameters()) == encoder + 3 * decoder + 2 * projection


@pytest.mark.parametrize("ndim", [2, 3])
def test_projections_have_unit_norm(ndim):
    outputs = MultiTaskResUNet(1, 3, levels=2, base_channels=4, ndim=ndim)(torch.randn(2, 1, *size_at(ndim)))
    for projection in outputs.projections:
        torch.testing.assert_close(projection.norm(dim=1), torch.ones(2, *size_at(ndim, 4)))


def test_projections_are_normalised_in_float32_under_autocast():
    network = MultiTaskResUNet(1, 1, levels=2, base_channels=4)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(torch.randn(1, 1, 8, 8, 8))
    assert outputs.logits.dtype == torch.bfloat16
    assert outputs.projections[0].dtype == torch.float32
    torch.testing.assert_close(outputs.projections[0].norm(dim=1), torch.ones(1, 4, 4, 4))


def test_projection_heads_do_not_touch_the_logits():
    torch.manual_seed(0)
    network = MultiTaskResUNet(1, 2, levels=2, base_channels=4).eval()
    image = torch.randn(1, 1, 8, 8, 8)
    before = network(image).logits
    with torch.no_grad():
        for parameter in network.projections.parameters():
            parameter.add_(1.0)
    assert torch.equal(network(image).logits, before)


def parts_with_gradient(network: MultiTaskResUNet) -> set[str]:
    """Names of the parts that hold a gradient other than zero."""
    parts = {"encoder": network.encoder, "main": network.main_decoder}
    for scale, (decoder, head) in enumerate(zip(network.scale_decoders, network.projections), start=1):
        parts |= {f"scale {scale}": decoder, f"projection {scale}": head}
    return {
        name
        for name, part in parts.items()
        if any(p.grad is not None and bool((p.grad != 0).any()) for p in part.parameters())
    }


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (lambda outputs: outputs.logits[:, 0].square().sum(), {"encoder", "main"}),
        (lambda outputs: outputs.logits[:, 2].square().sum(), {"encoder", "scale 2"}),
        (lambda outputs: outputs.projections[0][:, 0].sum(), {"encoder", "scale 1", "projection 1"}),
    ],
    ids=["main", "scale 2", "projection 1"],
)
def test_gradient_flows_from_each_task_only_where_it_should(loss, expected):
    torch.manual_seed(0)
    network = MultiTaskResUNet(1, 2, levels=2, base_channels=4, ndim=2)
    loss(network(torch.randn(2, 1, 8, 8))).backward()
    assert parts_with_gradient(network) == expected


def test_a_projection_trains_its_decoder_only_up_to_the_first_stage():
    network = MultiTaskResUNet(1, 1, levels=2, base_channels=4, ndim=2)
    network(torch.randn(2, 1, 8, 8)).projections[0][:, 0].sum().backward()
    decoder = network.scale_decoders[0]
    assert all(p.grad is not None for p in decoder.blocks[0].parameters())
    assert all(p.grad is None for p in decoder.blocks[1].parameters())


def test_every_parameter_is_used():
    network = MultiTaskResUNet(1, 2, levels=2, base_channels=4, ndim=3)
    outputs = network(torch.randn(2, 1, 8, 8, 8))
    (outputs.logits.square().sum() + sum(p[:, 0].sum() for p in outputs.projections)).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_the_same_seed_gives_the_same_weights():
    networks = []
    for _ in range(2):
        torch.manual_seed(7)
        networks.append(MultiTaskResUNet(1, 1, levels=1, base_channels=4))
    assert all(torch.equal(a, b) for a, b in zip(*(n.state_dict().values() for n in networks)))


def test_initial_features_keep_their_variance():
    # He et al. 2015 allows for the PReLU that follows: unit variance in, unit variance out of convolution and PReLU.
    torch.manual_seed(0)
    network = MultiTaskResUNet(1, 0, levels=1, base_channels=64, ndim=2)
    convolution = network.encoder.blocks[1].first[0]
    output = torch.nn.functional.conv2d(torch.randn(1, 64, 64, 64), convolution.weight)
    assert torch.nn.functional.prelu(output, torch.tensor(0.25)).square().mean().item() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_scales": -1}, "n_scales: expected an integer of at least 0, got -1"),
        ({"levels": 0}, "levels: expected an integer of at least 1, got 0"),
        ({"base_channels": 0}, "base_channels: expected an integer of at least 1, got 0"),
        ({"in_channels": 0}, "in_channels: expected an integer of at least 1, got 0"),
        ({"in_channels": 1.5}, r"in_channels: expected an integer of at least 1, got 1\.5"),
        ({"embedding_channels": 0}, "embedding_channels: expected an integer of at least 1, got 0"),
        ({"ndim": 4}, "ndim: expected 2 or 3, got 4"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiTaskResUNet(**{"levels": 1, "base_channels": 2, **arguments})


def test_logits_of_a_baseline_out_of_range():
    with pytest.raises(ValueError, match="out_channels: expected an integer of at least 1, got 0"):
        ResUNet(1, 0, 1, 2, 3)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, 8, 8, 6), r"size \(8, 8, 6\) is not a multiple of 4"),
        ((1, 1, 8, 8, 0), r"size \(8, 8, 0\) is not a multiple of 4"),
        ((1, 1, 8, 8), r"expected 5 axes .* got \(1, 1, 8, 8\)"),
        ((1, 3, 8, 8, 8), r"expected 1 channel\(s\) on axis 1, got 3"),
        ((1, 1, 4, 4, 4), r"\(1, 1, 4, 4, 4\) leaves batch norm one value a channel"),
    ],
)
def test_images_it_cannot_take(shape, message):
    network = MultiTaskResUNet(1, 1, levels=2, base_channels=2)
    with pytest.raises(ValueError, match=message):
        network(torch.zeros(shape))


def test_one_value_a_channel_is_fine_in_evaluation():
    network = MultiTaskResUNet(1, 1, levels=2, base_channels=2).eval()
    assert network(torch.zeros(1, 1, 4, 4, 4)).logits.shape == (1, 1, 4, 4, 4)
    assert network.every_task(torch.zeros(1, 1, 4, 4, 4)).logits.shape == (1, 2, 4, 4, 4)


@pytest.mark.parametrize("ndim", [2, 3])
def test_auxiliary_tasks_on_a_coarser_grid_are_apart_in_training_and_up_sampled_afterwards(ndim):
    pooling = (1, 2, 2)[-ndim:]
    network = MultiTaskResUNet(1, 3, levels=2, base_channels=4, ndim=ndim, auxiliary_halvings=1, pooling=pooling)
    image = torch.randn(2, 1, *size_at(ndim))
    outputs = network(image)
    coarse = tuple(n // factor for n, factor in zip(size_at(ndim), network.encoder.pooling[0]))
    assert outputs.logits.shape == (2, 1, *size_at(ndim))
    assert [logits.shape for logits in outputs.auxiliary_logits] == [(2, 3, *coarse)]
    every = network.eval().every_task(image)
    assert every.auxiliary_logits == ()
    assert every.logits.shape == (2, 4, *size_at(ndim))
    assert torch.equal(every.logits[:, :1], network(image).logits)
    corners = every.logits[:, 1:][(..., *(slice(None, None, f) for f in network.encoder.pooling[0]))]
    assert corners.shape == (2, 3, *coarse)
    for axis, factor in enumerate(network.encoder.pooling[0], start=2):
        corners = corners.repeat_interleave(factor, dim=axis)
    assert torch.equal(corners, every.logits[:, 1:])


def test_of_one_turn_nothing_else_is_run():
    network = MultiTaskResUNet(1, 3, levels=2, base_channels=4, scale_heads=False)
    image = torch.randn(1, 1, 8, 8, 8)
    outputs = network(image, 1)
    assert outputs.logits.shape == (1, 2, 8, 8, 8)
    outputs.logits.square().mean().backward()
    learning = [any(weight.grad is not None for weight in part.parameters()) for part in network.scale_decoders]
    assert learning == [False, True, False]
    assert [int(part.blocks[0].second[1].num_batches_tracked) for part in network.scale_decoders] == [0, 1, 0]
    assert network.main_decoder.head.weight.grad is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"auxiliary_halvings": 2}, "auxiliary_halvings: expected 0 … 1 for 2 levels, got 2"),
        ({"auxiliary_halvings": 1, "deep_supervision": 1}, "deep_supervision: not with auxiliary_halvings"),
    ],
)
def test_auxiliary_decoders_that_there_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiTaskResUNet(levels=2, base_channels=2, **arguments)


def test_narrower_auxiliary_decoders_have_that_share_of_the_channels():
    network = MultiTaskResUNet(1, 2, levels=2, base_channels=4, auxiliary_width=0.5)
    assert [decoder.widths for decoder in network.scale_decoders] == [(2, 4)] * 2
    assert network.main_decoder.widths == (4, 8)
    outputs = network(torch.randn(1, 1, 8, 8, 8))
    assert outputs.logits.shape == (1, 3, 8, 8, 8)
    assert [projection.shape[1] for projection in outputs.projections] == [2, 2]

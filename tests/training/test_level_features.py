"""Features of a network's levels: those its own parts give, at positions that hold vessel, in windows as at once."""

import numpy as np
import pytest
import torch

from ramify.models.baselines import ResUNet
from ramify.models.fcn import FCN
from ramify.models.multi_task import MultiTaskResUNet
from ramify.models.network import Network
from ramify.models.unet import UNet
from ramify.training.level_features import POSITIONS, block_scales, levels_of, sample_levels


def network_of(kind: type[Network], ndim: int) -> Network:
    torch.manual_seed(0)
    return kind(levels=2, base_channels=4, ndim=ndim).eval()  # type: ignore[call-arg]


def drawn(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """An image and a map of three scales, sizes that no network takes without padding."""
    random = np.random.default_rng(0)
    return random.normal(size=shape).astype(np.float32), random.choice(4, size=shape, p=[0.7, 0.1, 0.1, 0.1])


def test_a_block_has_the_scale_of_most_of_its_vessel_and_the_smaller_of_two():
    scale_map = np.array([[3, 3, 0, 0], [3, 1, 0, 2], [1, 2, 0, 0], [0, 0, 0, 0]])
    assert block_scales(scale_map, (2, 2), 3).tolist() == [[3, 2], [1, 0]]
    assert block_scales(scale_map, (1, 1), 3).tolist() == scale_map.tolist()
    assert block_scales(np.full((2, 4, 2), 2), (2, 2, 2), 3).tolist() == [[[2], [2]]]


@pytest.mark.parametrize("shape", [(13, 18), (9, 8, 7)])
@pytest.mark.parametrize("kind", [ResUNet, MultiTaskResUNet, UNet])
def test_the_last_features_give_the_logits(kind, shape):
    """1^ndim convolutions of main_decoder.0 are what the network says at those positions."""
    image, scale_map = drawn(shape)
    network = network_of(kind, len(shape))
    sample = sample_levels(network, image[None], scale_map, ["main_decoder.0"], 3)["main_decoder.0"]
    padded = np.pad(image, [(0, -n % 4) for n in shape], constant_values=image.min())
    with torch.no_grad():
        logits = network(torch.from_numpy(padded)[None, None]).logits[0, 0]
    head = network.head if isinstance(network, UNet) else network.main_decoder.head
    weight, bias = head.weight.detach().double().flatten().numpy(), head.bias.detach().double().item()
    positions = [np.argwhere(scale_map == scale)[:POSITIONS] for scale in (1, 2, 3)]
    assert sample.scales.tolist() == [scale for scale, at in enumerate(positions, 1) for _ in at]
    expected = logits.numpy()[tuple(np.concatenate(positions).T)]
    np.testing.assert_allclose(sample.features @ weight + bias, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(13, 18), (9, 8, 7)])
def test_levels_of_the_encoder(shape):
    image, scale_map = drawn(shape)
    network = network_of(ResUNet, len(shape))
    found = sample_levels(network, image[None], scale_map, ["encoder.1", "encoder.2", "bottleneck"], 3)
    padded = np.pad(image, [(0, -n % 4) for n in shape], constant_values=image.min())
    with torch.no_grad():
        features = network.encoder(torch.from_numpy(padded)[None, None])
    blocks = block_scales(np.pad(scale_map, [(0, -n % 4) for n in shape]), (4,) * len(shape), 3)
    at = np.concatenate([np.argwhere(blocks == scale) for scale in (1, 2, 3)])
    np.testing.assert_allclose(
        found["encoder.2"].features, features[2][0].numpy()[(slice(None), *at.T)].T, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(found["bottleneck"].features, found["encoder.2"].features)
    assert found["encoder.1"].features.shape[1] == 8


@pytest.mark.parametrize("kind", [ResUNet, UNet])
def test_levels_that_halve_one_axis_less_often(kind):
    image, scale_map = drawn((5, 18))
    torch.manual_seed(0)
    network = kind(levels=2, base_channels=4, ndim=2, pooling=(1, 2)).eval()
    found = sample_levels(network, image[None], scale_map, ["main_decoder.0", "encoder.2"], 3)
    padded = np.pad(scale_map, [(0, 1), (0, 2)])
    # At the coarsest level a position is 2 x 4 pixels.
    blocks = padded.reshape(3, 2, 5, 4).transpose(0, 2, 1, 3).reshape(15, 8)
    counts = np.stack([(blocks == scale).sum(1) for scale in (1, 2, 3)])
    expected = np.sort(counts.argmax(0)[counts.any(0)] + 1)
    assert found["encoder.2"].scales.tolist() == expected.tolist()
    assert len(found["main_decoder.0"].scales) == sum(min(POSITIONS, (scale_map == scale).sum()) for scale in (1, 2, 3))


def test_windows_lie_side_by_side_and_keep_the_order():
    image, scale_map = drawn((16, 24))
    network = network_of(ResUNet, 2)
    found = sample_levels(network, image[None], scale_map, ["encoder.0"], 3, window=(8, 8))["encoder.0"]
    with torch.no_grad():
        tiles = [
            [network.encoder(torch.from_numpy(image[None, None, r : r + 8, c : c + 8]))[0][0] for c in (0, 8, 16)]
            for r in (0, 8)
        ]
    whole = torch.cat([torch.cat(row, dim=2) for row in tiles], dim=1).numpy()
    at = np.concatenate([np.argwhere(scale_map == scale) for scale in (1, 2, 3)])
    np.testing.assert_allclose(found.features, whole[(slice(None), *at.T)].T, rtol=1e-5, atol=1e-6)


def test_features_of_the_image_need_no_network_and_no_padding():
    image, scale_map = drawn((5, 7))
    found = sample_levels(network_of(ResUNet, 2), image[None], scale_map, ["surroundings", "intensity"], 3)
    at = np.concatenate([np.argwhere(scale_map == scale) for scale in (1, 2, 3)])
    assert list(found) == ["surroundings", "intensity"]
    np.testing.assert_array_equal(found["intensity"].features[:, 0], image[tuple(at.T)].astype(np.float64))
    inner = next(row for row, (y, x) in enumerate(at) if 1 <= y < 4 and 1 <= x < 6)
    y, x = at[inner]
    assert found["surroundings"].features[inner, 1] == pytest.approx(
        image[y - 1 : y + 2, x - 1 : x + 2].mean(), abs=1e-6
    )


def test_at_most_so_many_positions_of_a_scale_spread_over_the_case():
    scale_map = np.ones((100, 20), int)
    scale_map[:2] = 2
    image = np.arange(2000, dtype=np.float32).reshape(100, 20)
    sample = sample_levels(network_of(ResUNet, 2), image[None], scale_map, ["intensity"], 3)["intensity"]
    assert np.bincount(sample.scales, minlength=4).tolist() == [0, POSITIONS, 40, 0]
    assert sample.features[:POSITIONS, 0].max() > 1990


def test_a_case_without_a_vessel_has_no_position():
    image = np.zeros((1, 8, 8), np.float32)
    for name, sample in sample_levels(
        network_of(ResUNet, 2), image, np.zeros((8, 8), np.uint8), ["encoder.1", "intensity"], 3
    ).items():
        assert sample.features.shape == (0, 8 if name == "encoder.1" else 1)
        assert sample.scales.shape == (0,)


def test_what_there_is_not():
    image, scale_map = drawn((8, 8))
    with pytest.raises(ValueError, match=r"no features 'encoder.3' in this network; there are encoder.0, .* intensity"):
        sample_levels(network_of(ResUNet, 2), image[None], scale_map, ["encoder.3"], 3)
    with pytest.raises(ValueError, match="FCN has no levels to look at; resunet and unet have"):
        levels_of(FCN(ndim=2))

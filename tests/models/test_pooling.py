"""Networks that halve some axes less often than others."""

import pytest
import torch
from torch.nn import functional

from ramify.models import ModelSettings, build_inference_network, build_network
from ramify.models.blocks import DownSampling, upsampled_convolution
from ramify.models.pooling import multiples_of, pooling_rows

THICK = (1, 2, 2)


def test_an_axis_that_is_halved_less_often_waits():
    assert pooling_rows(3, 3, (0, 1, 3)) == ((1, 1, 2), (1, 1, 2), (1, 2, 2))
    assert pooling_rows(2, 2) == ((2, 2), (2, 2))
    assert multiples_of(pooling_rows(3, 3, (0, 1, 3)), 3) == (1, 2, 8)


def test_pooling_leaves_the_other_axes():
    features = torch.arange(16.0).reshape(1, 1, 2, 2, 4)
    assert DownSampling()(features, (1, 2, 2)).flatten().tolist() == [5, 7, 13, 15]


@pytest.mark.parametrize("factors", [(1, 2, 2), (2, 1, 2), (1, 1, 2)])
def test_upsampling_and_convolution_are_one_step_along_some_axes_too(factors):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 3, 4, 5, dtype=torch.float64, generator=generator)
    kernel = torch.randn(4, 3, 3, 3, 3, dtype=torch.float64, generator=generator)
    plain = functional.interpolate(features, scale_factor=[float(factor) for factor in factors], mode="nearest")
    expected = functional.conv3d(plain, kernel, padding=1)
    torch.testing.assert_close(upsampled_convolution(features, kernel, factors), expected)


@pytest.mark.parametrize("network", ["resunet", "unet", "nnunet_plain"])
def test_a_network_takes_sizes_that_its_pooling_divides_and_no_others(network):
    if network == "nnunet_plain":
        pytest.importorskip("dynamic_network_architectures")
    settings = ModelSettings(network=network, pooling=THICK, base_channels=4, deep_supervision=1)
    built = build_network(settings, 1, n_scales=2, ndim=3)
    assert built.size_multiples == (2, 4, 4)
    outputs = built(torch.randn(2, 1, 6, 8, 12))
    assert outputs.logits.shape == (2, 3, 6, 8, 12)
    # The first level halves the plane alone.
    assert outputs.deep_logits[0].shape == (2, 3, 6, 4, 6)
    outputs.logits.sum().backward()
    with pytest.raises(ValueError, match="not a multiple of 2 x 4 x 4"):
        built(torch.zeros(1, 1, 8, 8, 6))


def test_prediction_has_the_pooling_of_the_training():
    settings = ModelSettings(pooling=THICK, base_channels=2)
    trained = build_network(settings, 1, n_scales=2, ndim=3)
    for_inference = build_inference_network(settings, 1, 2, 3, state=trained.state_dict()).eval()
    image = torch.randn(1, 1, 2, 8, 8)
    with torch.no_grad():
        assert torch.equal(for_inference(image).logits, trained.eval()(image).logits)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"pooling": (0, 0, 0)}, "not all of them 0"),
        ({"pooling": (1, 2, 2), "levels": 3}, "to be the 3 levels"),
        ({"pooling": (2,)}, "expected 2 or 3 numbers"),
        ({"pooling": (1, 2, 2), "network": "fcn"}, "network fcn has no such choice"),
    ],
)
def test_pooling_that_makes_no_sense_is_refused(given, line):
    with pytest.raises(ValueError, match=line):
        ModelSettings.model_validate(given)


def test_pooling_of_other_images_is_refused():
    with pytest.raises(ValueError, match="expected 2 numbers for images of 2 axes"):
        build_network(ModelSettings(pooling=THICK), 1, 1, 2)

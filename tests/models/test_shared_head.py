"""A projection head for all scales: where it sits, whom it trains, and that it costs the network nothing."""

import pytest
import torch
from pydantic import ValidationError

from ramify.models import ModelSettings, build_inference_network, build_network
from ramify.models.feature_place import feature_place
from tests.asked import ASKED

PLACES = {
    "encoder.0": (4, 8),
    "encoder.1": (8, 4),
    "bottleneck": (16, 2),
    "main_decoder.0": (4, 8),
    "main_decoder.1": (8, 4),
}
"""Channels and length of the features of 8 voxels along an axis, for two levels and four base channels."""


def settings_of(network: str, formulation: str = "binary", head: str = "shared", features: str = "encoder.1"):
    contrast = {"head": head, "features": features}
    return ModelSettings(network=network, tasks=ASKED[formulation], levels=2, base_channels=4, contrast=contrast)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("network", ["resunet", "unet"])
@pytest.mark.parametrize("formulation", ASKED)
def test_one_projection_for_all_scales_whatever_the_formulation(network, formulation, ndim):
    for features, (channels, length) in PLACES.items():
        built = build_network(settings_of(network, formulation, features=features), 1, 2, ndim)
        (projection,) = built(torch.randn(2, 1, *(8,) * ndim)).projections
        assert projection.shape == (2, 16, *(length,) * ndim)
        assert built.shared_head.projection.layers[0][0].in_channels == channels
        torch.testing.assert_close(projection.norm(dim=1), torch.ones(2, *(length,) * ndim))


@pytest.mark.parametrize("network", ["resunet", "unet"])
@pytest.mark.parametrize("formulation", ASKED)
def test_a_network_starts_as_it_does_without_the_head(network, formulation):
    states = []
    for head in ("none", "shared"):
        torch.manual_seed(0)
        states.append(build_network(settings_of(network, formulation, head), 1, 2, 2).state_dict())
    without, having = states
    assert without.keys() == {name for name in having if not name.startswith("shared_head.")}
    assert all(torch.equal(value, having[name]) for name, value in without.items())


@pytest.mark.parametrize("network", ["resunet", "unet"])
@pytest.mark.parametrize("formulation", ASKED)
def test_inference_has_no_head_and_the_same_logits(network, formulation):
    settings = settings_of(network, formulation)
    trained = build_network(settings, 1, 2, 2)
    image = torch.randn(2, 1, 8, 8)
    trained(image)
    inference = build_inference_network(settings, 1, 2, 2, state=trained.state_dict()).eval()
    assert not any("shared_head" in name for name in inference.state_dict())
    outputs = inference(image)
    assert outputs.projections == ()
    assert torch.equal(outputs.logits[:, :1], trained.eval()(image).logits[:, :1])
    assert trained(image).projections == ()
    assert len(trained.every_task(image).projections) == 1


@pytest.mark.parametrize(
    ("features", "reached"),
    [("encoder.1", {"encoder"}), ("bottleneck", {"encoder"}), ("main_decoder.1", {"encoder", "main_decoder"})],
)
def test_it_trains_what_its_features_are_made_of(features, reached):
    network = build_network(settings_of("resunet", "multi_task", features=features), 1, 2, 2)
    (projection,) = network(torch.randn(2, 1, 8, 8)).projections
    projection[:, 0].sum().backward()
    weights = network.named_parameters()
    parts = {name.partition(".")[0] for name, weight in weights if weight.grad is not None and weight.grad.any()}
    assert parts == reached | {"shared_head"}


@pytest.mark.parametrize("ndim", [2, 3])
def test_recomputation_changes_nothing(ndim):
    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        settings = settings_of("resunet", features="main_decoder.1")
        settings = settings.model_copy(update={"checkpoint_activations": recompute})
        network = build_network(settings, 1, 2, ndim)
        (projection,) = network(torch.randn(2, 1, *(8,) * ndim)).projections
        projection[:, 0].sum().backward()
        found.append([weight.grad for weight in network.parameters() if weight.grad is not None])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_the_paper_has_a_head_a_scale_and_no_head_leaves_none():
    of_heads = {
        head: build_network(settings_of("resunet", "multi_task", head), 1, 3, 2) for head in ("per_scale", "none")
    }
    image = torch.randn(2, 1, 8, 8)
    assert [len(network(image).projections) for network in of_heads.values()] == [3, 0]
    assert not any("projection" in name for name in of_heads["none"].state_dict())


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("encoder.0", ("encoder", 0)),
        ("encoder.3", ("encoder", 3)),
        ("bottleneck", ("encoder", 3)),
        ("main_decoder.2", ("main_decoder", 2)),
    ],
)
def test_places_by_name(name, place):
    assert feature_place(name, 3) == place


@pytest.mark.parametrize(
    "name", ["encoder.4", "main_decoder.3", "decoder.0", "encoder", "encoder.-1", "encoder.1x", ""]
)
def test_a_place_that_there_is_not(name):
    message = (
        r"a network of 3 levels has bottleneck, encoder\.0 … encoder\.3 and main_decoder\.0 … main_decoder\.2, got"
    )
    with pytest.raises(ValueError, match=message):
        feature_place(name, 3)
    with pytest.raises(ValidationError, match=message):
        ModelSettings(levels=3, contrast={"head": "shared", "features": name})


@pytest.mark.parametrize("network", ["fcn", "nnunet_plain", "hrnet", "monai:SegResNet"])
def test_networks_without_such_features_are_refused(network):
    with pytest.raises(
        ValidationError, match=f"network {network} has no features that a shared head can sit on; resunet and unet have"
    ):
        ModelSettings(network=network, contrast={"head": "shared"})
    assert ModelSettings(network=network, contrast={"head": "none"}).network == network

"""Parts of networks are called as their weights are, whatever is wrapped around them."""

import pytest
from torch import nn

from ramify.models.build import build_network
from ramify.models.parts import innermost, parts_of, tensors_of
from ramify.models.settings import ModelSettings
from tests.asked import ASKED


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        (ModelSettings(levels=1, base_channels=1), ["encoder", "main_decoder", "scale_decoders"]),
        (ModelSettings(network="unet", tasks=ASKED["binary"], levels=1), ["encoder", "up", "decoder", "head"]),
        (
            ModelSettings(network="monai:SegResNet", tasks=ASKED["binary"], arguments={"init_filters": 8}),
            ["convInit", "down_layers", "up_layers", "up_samples", "conv_final"],
        ),
    ],
)
def test_every_tensor_is_in_one_part(model, parts):
    network = build_network(model, 1, 2, 2)
    found = parts_of(tensors_of(network))
    assert list(found) == parts
    assert sorted(name for names in found.values() for name in names) == sorted(network.state_dict())


def test_what_stands_in_two_places_is_named_once():
    shared = nn.BatchNorm1d(2)
    network = nn.ModuleDict({"one": nn.Sequential(shared), "other": nn.Sequential(shared, nn.Linear(2, 2))})
    assert parts_of(tensors_of(network)) == {
        "one": ["one.0.weight", "one.0.bias", "one.0.running_mean", "one.0.running_var", "one.0.num_batches_tracked"],
        "other": ["other.1.weight", "other.1.bias"],
    }


def test_the_innermost_part_of_weights():
    assert innermost(["a.0.weight", "a.1.weight"]) == "a"
    assert innermost(["a.10.weight", "a.1.weight"]) == "a"
    assert innermost(["a.0.weight"]) == "a.0.weight"

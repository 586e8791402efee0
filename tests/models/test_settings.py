"""What can be chosen about each network, and what is refused."""

import pytest
from pydantic import ValidationError

from ramify.models import ModelSettings
from ramify.models.network_choices import NETWORK_CHOICES
from ramify.models.networks import NETWORKS
from ramify.tasks.settings import TaskSettings


def test_defaults_are_the_papers():
    settings = ModelSettings()
    assert (settings.network, settings.tasks) == ("resunet", TaskSettings())
    assert settings.sizes(2) == settings.sizes(3) == (5, 8)
    assert (settings.deep_supervision, settings.checkpoint_activations) == (0, False)


@pytest.mark.parametrize(
    ("network", "ndim", "sizes"),
    [
        ("unet", 2, (4, 64)),
        ("unet", 3, (3, 64)),
        ("nnunet_plain", 3, (5, 32)),
        ("nnunet_residual", 2, (5, 32)),
        ("fcn", 3, (0, 5)),
        ("hrnet", 2, (0, 0)),
        ("monai:SegResNet", 3, (0, 0)),
    ],
)
def test_sizes_of_the_source_where_none_is_chosen(network, ndim, sizes):
    assert ModelSettings(network=network).sizes(ndim) == sizes


def test_sizes_that_were_chosen():
    assert ModelSettings(network="unet", levels=2).sizes(3) == (2, 64)
    assert ModelSettings(network="unet", base_channels=16).sizes(2) == (4, 16)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("unett", "unknown network 'unett'; did you mean 'unet'?"),
        ("UNet", "unknown network 'UNet'; did you mean 'unet'?"),
        ("nnunet", "unknown network 'nnunet'; did you mean 'nnunet_plain' or 'nnunet_residual'?"),
        (
            "transformer",
            "unknown network 'transformer'; known are resunet, unet, fcn, nnunet_plain, nnunet_residual, hrnet, ",
        ),
        ("timm:resnet", "unknown network 'timm:resnet'; known are resunet, "),
        ("monai", "monai needs the name of one of its networks after it"),
        ("monai:", "monai needs the name of one of its networks after it"),
    ],
)
def test_unknown_network(network, message):
    with pytest.raises(ValidationError) as caught:
        ModelSettings(network=network)
    error = caught.value.errors()[0]
    assert error["loc"] == ("network",)
    assert message in error["msg"]
    assert "\n" not in error["msg"]


@pytest.mark.parametrize(
    ("network", "setting", "value", "neutral"),
    [
        ("fcn", "levels", 4, "null"),
        ("fcn", "deep_supervision", 1, "0"),
        ("fcn", "checkpoint_activations", True, "false"),
        ("fcn", "embedding_channels", 8, "null"),
        ("unet", "arguments", {"depth": 1}, "{}"),
        ("resunet", "arguments", {"depth": 1}, "{}"),
        ("nnunet_plain", "checkpoint_activations", True, "false"),
        ("hrnet", "base_channels", 16, "null"),
        ("monai:UNet", "deep_supervision", 2, "0"),
    ],
)
def test_a_choice_that_the_network_does_not_have(network, setting, value, neutral):
    message = f"{setting}: network {network} has no such choice; leave it out or set it to {neutral}"
    with pytest.raises(ValidationError, match=message):
        ModelSettings(**{"network": network, setting: value})


def test_every_choice_is_a_setting():
    choices = frozenset.union(*(its.settings for its in NETWORK_CHOICES.values()))
    assert choices <= ModelSettings.model_fields.keys()


def test_what_can_be_chosen_can_be_built():
    assert list(NETWORKS) == list(NETWORK_CHOICES)


def test_settings_survive_plain_data():
    settings = ModelSettings(network="monai:UNet", arguments={"channels": [2, 4], "strides": [2]})
    assert ModelSettings.model_validate(settings.model_dump(mode="json")) == settings


def test_settings_of_before_there_were_other_networks():
    old = {"tasks": {"auxiliary": "none"}, "levels": 3, "base_channels": 8, "embedding_channels": None}
    assert ModelSettings.model_validate(old).sizes(3) == (3, 8)


@pytest.mark.parametrize(
    "bad",
    [
        {"levels": 0},
        {"base_channels": 0},
        {"embedding_channels": 0},
        {"deep_supervision": -1},
        {"tasks": {"main": "tissue"}},
        {"formulation": "binary"},
        {"level": 3},
    ],
)
def test_settings_out_of_range(bad):
    with pytest.raises(ValidationError):
        ModelSettings(**bad)


def test_auxiliary_tasks_on_a_coarser_grid_and_deep_supervision():
    with pytest.raises(ValueError, match="auxiliary_halvings: not with deep_supervision"):
        ModelSettings(auxiliary_halvings=1, deep_supervision=1)
    with pytest.raises(ValueError, match="auxiliary_width: network unet has no such choice"):
        ModelSettings(network="unet", auxiliary_width=0.5)

"""What a network cannot take is found before the first step, and not when the first case is validated."""

from pathlib import Path
from typing import Any

import pytest

from ramify.experiments.checks import check_networks
from ramify.experiments.plan import ExperimentSettings
from ramify.training.loop import train_run
from ramify.training.network_fit import check_network
from ramify.training.settings import RunSettings


def settings_of(store: Path, output: Path, **more: Any) -> RunSettings:
    given = {"cases": store, "output": output, "device": "cpu", "model": {"levels": 2, "base_channels": 2}, **more}
    return RunSettings.model_validate(given)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"inference": {"window": [16, 16, 18]}},
            r"\(16, 16, 18\): each axis must be a multiple of 4",
        ),
        ({"inference": {"window": [16, 16]}}, "has 2 axes, the image has 3"),
        ({"loading": {"patch_size": [16, 16, 18]}}, "loading.patch_size: .* multiple of 4 for this network"),
        ({"model": {"network": "hrnet"}}, "network hrnet"),
    ],
)
def test_a_network_that_does_not_fit_the_cases(tiny_cases, tmp_path, more, says):
    settings = settings_of(tiny_cases, tmp_path, **more)
    with pytest.raises(ValueError, match=says):
        check_network(settings, tiny_cases)
    experiment = ExperimentSettings.model_validate({"name": "x", "cases": tiny_cases, "variants": {"a": {}, "b": {}}})
    with pytest.raises(ValueError, match=f"variant b, train: .*{says}"):
        check_networks(experiment, {"a": settings_of(tiny_cases, tmp_path), "b": settings})
    check_network(settings_of(tiny_cases, tmp_path), tiny_cases)


def test_a_window_of_inference_is_looked_at_before_the_first_step(tiny_cases, tmp_path):
    settings = settings_of(tiny_cases, tmp_path, inference={"window": [16, 16, 18]}, fold=0)
    with pytest.raises(ValueError, match="each axis must be a multiple of 4"):
        train_run(settings)
    assert not list(tmp_path.rglob("*.pt"))

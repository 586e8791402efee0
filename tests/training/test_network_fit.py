"""What a network cannot take is found before the first step, and not when the first case is validated."""

from pathlib import Path
from typing import Any

import pytest

from ramify.command_line import parse
from ramify.command_line.shipped_settings import FOLDER
from ramify.experiments.checks import check_networks
from ramify.experiments.settings import ExperimentSettings
from ramify.models.build import build_network
from ramify.stages.experiment import trainings_of
from ramify.training.inference import check_window
from ramify.training.loop import train_run
from ramify.training.network_fit import check_network
from ramify.training.settings import RunSettings

EXPERIMENTS = FOLDER / "experiments"


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


@pytest.mark.parametrize("name", ["reassessment", "skeleton_recall_networks", "table_drive"])
def test_windows_of_the_experiments_on_pictures_fit_all_their_networks(name):
    """A picture of DRIVE is one window; nnU-Net's and HRNet's are a multiple of 32."""
    experiment = parse(ExperimentSettings, "", ["--config", str(EXPERIMENTS / f"{name}.yaml")])
    multiples: dict[str, tuple[int, ...]] = {"hrnet": (32, 32)}  # whose package may be missing
    for training in trainings_of(experiment).values():
        network = training.model.network
        if network not in multiples:
            multiples[network] = build_network(training.model, 1, 3, 2).size_multiples
        window = training.inference.window
        check_window(window, 2, multiples[network])
        assert window is not None
        assert all(axis >= needed for axis, needed in zip(window, (584, 565), strict=True))

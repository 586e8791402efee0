"""Trained networks for the tests of exports: small, with fresh weights."""

from pathlib import Path
from typing import Any

import torch

from ramify.exporting.trained import TrainedNetwork, load_trained
from ramify.models.build import build_network
from ramify.models.settings import ModelSettings
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.tasks.class_table import SINGLE, ClassTable
from ramify.training.checkpoint import save_checkpoint
from ramify.training.inference_settings import InferenceSettings
from ramify.training.settings import RunSettings

CLASSES = ClassTable.model_validate({"classes": {"portal": {"values": [3]}, "hepatic": {"values": [7]}}})
EVERY_VESSEL = {"regions": {"vessels": ["portal", "hepatic"], "hepatic_vein": ["hepatic"]}}


def write_checkpoint(
    path: Path,
    shape: tuple[int, ...] = (16, 16, 16),
    table: ClassTable = SINGLE,
    preprocessing: dict[str, Any] | None = None,
    channels: tuple[str, ...] = ("ct",),
    window: tuple[int, ...] | None = None,
    **model: Any,
) -> Path:
    """A checkpoint of a network with an auxiliary task a scale, whose cases had that shape at 1.5 mm."""
    settings = RunSettings(
        cases=Path("cases"),
        output=Path("run"),
        device="cpu",
        model=ModelSettings.model_validate({"levels": 1, "base_channels": 2, **model}),
        inference=InferenceSettings(window=window),
    )
    torch.manual_seed(0)
    network = build_network(settings.model, len(channels), 3, len(shape), table)
    state = {
        "config": settings.model_dump(mode="json"),
        "preprocessing": PreprocessingSettings.model_validate(preprocessing or {}).model_dump(mode="json"),
        "classes": table.model_dump(mode="json"),
        "channels": list(channels),
        "network": {"in_channels": len(channels), "scales": 3, "ndim": len(shape)},
        "prepared": {"shape": list(shape), "spacing_mm": [1.5] * len(shape)},
        "model": network.state_dict(),
        "epoch": 1,
    }
    save_checkpoint(path, state)
    return path


def trained(path: Path, *given: Any, **named: Any) -> TrainedNetwork:
    return load_trained(write_checkpoint(path, *given, **named))

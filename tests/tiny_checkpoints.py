"""Checkpoints of small untrained networks, as trainings write them."""

from pathlib import Path
from typing import Any

import torch

from ramify.models.build import build_network
from ramify.models.settings import ModelSettings
from ramify.preprocessing.intensity import IntensitySettings
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.tasks.class_table import SINGLE, ClassTable
from ramify.training.checkpoint import save_checkpoint
from ramify.training.settings import RunSettings
from tests.asked import ASKED


def untrained_state(
    size: tuple[int, ...], seed: int = 0, table: ClassTable = SINGLE, config: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Checkpoint of a small network without auxiliary tasks, with fresh weights; binary, or of the table's classes.

    config: more of the training's settings.
    """
    tasks = ASKED["binary"] if table.is_single else {"auxiliary": "none"}
    model = ModelSettings.model_validate({"tasks": tasks, "levels": 1, "base_channels": 1})
    paths = {"cases": Path("cases"), "output": Path("run"), "device": "cpu"}
    settings = RunSettings.model_validate({**paths, "model": model, **(config or {})})
    grid, intensity = GridSettings(size=size, margin_mm=2.0), IntensitySettings(window=(0, 100))
    torch.manual_seed(seed)
    return {
        "config": settings.model_dump(mode="json"),
        "preprocessing": PreprocessingSettings(grid=grid, intensity=intensity).model_dump(mode="json"),
        "classes": table.model_dump(mode="json"),
        "channels": ["image"],
        "network": {"in_channels": 1, "scales": 3, "ndim": len(size)},
        "prepared": {"shape": list(size), "spacing_mm": [1.5] * len(size)},
        "model": build_network(model, 1, 3, len(size), table).state_dict(),
        "epoch": 1,
    }


def write_fold(run: Path, fold: int, **state: Any) -> Path:
    """The checkpoint `best` of a fold, of a network of 16 x 16 x 16 voxels; state: keys of its own."""
    path = run / f"fold_{fold}" / "checkpoints" / "best.pt"
    save_checkpoint(path, {**untrained_state((16, 16, 16), seed=fold), **state})
    return path

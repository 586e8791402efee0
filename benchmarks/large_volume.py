"""What memory the prediction of a large CT takes, from .nii.gz to .nii.gz.

    python -m benchmarks.large_volume --output /tmp/large --slices 2000

A CT of int16 without an organ mask is written there, and segmented by predict.py's own stage at its own voxels. In the
network's place stands a function of each voxel: what a network takes for a window hangs on the network, and is not
what is asked here.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, Field

from ramify import predict
from ramify.command_line import parse, run
from ramify.data.files import write_volume
from ramify.data.large_arrays import release, zeros
from ramify.data.volume import Volume
from ramify.models.build import build_network
from ramify.models.settings import ModelSettings
from ramify.preprocessing.settings import GridSettings, PreprocessingSettings
from ramify.processes.memory import peak_bytes
from ramify.tasks.class_table import SINGLE
from ramify.tasks.settings import TaskSettings
from ramify.training.checkpoint import save_checkpoint
from ramify.training.member import Member
from ramify.training.settings import RunSettings

SPACING_MM = (1.0, 0.8, 0.8)


class LargeVolumeCommand(BaseModel, frozen=True, extra="forbid"):
    """Which CT, and where."""

    output: Path
    """Folder for the CT, the checkpoint and the predictions; files of a run before are used again."""
    slices: int = Field(2000, ge=1)
    """Of the CT."""
    side: int = Field(512, ge=1)
    """Rows and columns of each."""
    window: tuple[int, int, int] = (96, 192, 192)
    """Voxels of the sliding window."""
    mirror: bool = False
    """Average mirrored copies along z, too, with a map of uncertainty."""


def main(argv: Sequence[str] | None = None) -> int:
    command = parse(LargeVolumeCommand, "Memory of the prediction of a large CT.", argv)
    ct, checkpoint = command.output / "ct.nii.gz", command.output / "network.pt"
    if not ct.exists():
        write_volume(ct, _ct(command))
    save_checkpoint(checkpoint, untrained(command.window))
    Member._main_probabilities = lambda self, image: torch.sigmoid(9 * image - 6)  # type: ignore[method-assign]
    words = ["--checkpoint", str(checkpoint), "--input", str(ct), "--output", str(command.output / "predictions")]
    words += ["--mirror", "z", "--uncertainty"] if command.mirror else []
    before, began = peak_bytes() or 0, time.monotonic()
    failed = predict.main([*words, "--device", "cpu"])
    after, took = peak_bytes() or 0, time.monotonic() - began
    voxels = command.slices * command.side**2
    print(f"| slices | GB before | GB at most | GB besides | bytes a voxel | s |\n|{' --: |' * 6}")
    besides = after - before
    gigabytes = " | ".join(f"{size / 1e9:.2f}" for size in (before, after, besides))
    print(f"| {command.slices} | {gigabytes} | {besides / voxels:.1f} | {took:.0f} |")
    return failed


def _ct(command: LargeVolumeCommand) -> Volume:
    """Grey values that change along every axis."""
    array = zeros((command.slices, command.side, command.side), np.int16)
    across = np.arange(command.side) % 128
    plane = (across[:, None] + across).astype(np.int16)
    for number, into in enumerate(array):
        into[...] = plane + np.int16(number % 64) - 150
        release(array)
    return Volume(array, SPACING_MM)


def untrained(window: tuple[int, ...]) -> dict[str, object]:
    """The checkpoint of a small network that goes over whole volumes in windows."""
    model = ModelSettings(tasks=TaskSettings(main="vessels", auxiliary="none"), levels=1, base_channels=1)
    settings = RunSettings.model_validate(
        {"cases": "cases", "output": "run", "model": model, "loading": {"patch_size": window}}
    )
    return {
        "config": settings.model_dump(mode="json"),
        "preprocessing": PreprocessingSettings(grid=GridSettings(crop="volume")).model_dump(mode="json"),
        "classes": SINGLE.model_dump(mode="json"),
        "channels": ["image"],
        "network": {"in_channels": 1, "scales": 3, "ndim": 3},
        "prepared": {"shape": list(window), "spacing_mm": list(SPACING_MM)},
        "model": build_network(model, 1, 3, 3, SINGLE).state_dict(),
        "epoch": 1,
    }


if __name__ == "__main__":
    run(main)

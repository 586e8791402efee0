"""What painting a training sample costs: milliseconds of one core a patch, beside those of the whole sample.

python -m benchmarks.painting --cases CASES     of synthesise.py
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from ramify.appearance.appearance import draw_appearance, paint
from ramify.appearance.settings import AppearanceSettings
from ramify.command_line import parse, run
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.case_store import open_store
from ramify.data.loading import SampleKey, TrainingSamples
from ramify.data.loading_settings import LoadingSettings
from ramify.phantoms.tissues import Tissue

SIZES = (64, 80, 96)


class PaintingCommand(BaseModel, frozen=True, extra="forbid"):
    """What is painted."""

    cases: Path
    """Cases of synthesise.py."""
    samples: int = Field(12, ge=2)
    """Samples of each size; the first compiles, and is not counted."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(PaintingCommand, __doc__ or "", argv)
    names = open_store(command.cases)
    print("| patch | painted, ms | whole sample, ms |\n| --- | --- | --- |")
    for size in SIZES:
        loading = LoadingSettings(batch_size=1, patch_size=(size,) * 3)
        samples = TrainingSamples(
            command.cases, names, loading, AugmentationSettings(), 1, 0, appearance=AppearanceSettings()
        )
        keys = [SampleKey(0, position, position % len(names)) for position in range(command.samples)]
        whole = [_milliseconds(partial(samples.__getitem__, key)) for key in keys]
        tissues, shares = np.full((size,) * 3, Tissue.LIVER, np.uint8), np.zeros((2, *(size,) * 3), np.float32)
        alone = [_milliseconds(partial(_paint, tissues, shares, seed)) for seed in range(command.samples)]
        print(f"| {size}^3 | {np.median(alone[1:]):.0f} | {np.median(whole[1:]):.0f} |", flush=True)


def _paint(tissues: np.ndarray, shares: np.ndarray, seed: int) -> None:
    random = np.random.default_rng(seed)
    paint(draw_appearance(AppearanceSettings(), random), tissues, shares, (1.0, 1.0, 1.0), random)


def _milliseconds(work: Callable[[], object]) -> float:
    # Of this process alone: other ones may be at work, too.
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


if __name__ == "__main__":
    run(main)

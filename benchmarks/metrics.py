"""Time and memory of a case's whole evaluation table, beside a script of MONAI, scikit-image, sknw and cripser.

    pip install sknw cripser
    python -m benchmarks.metrics [--size tiny|small|large|both] [--repeats 3]

small: 128 x 256 x 256 voxels with 1.5 % vessel. large: the same trees in the liver's part of a CT of 200 x 512 x 512.
The prediction misses pieces, is thicker in places and has false alarms. Both sides start from two masks in memory and
end with overlap, surface, clDice, Betti and graph measures; a second line of ours has the measures of each scale on
top. Each side runs in a process of its own; kernels are compiled beforehand.
"""

import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field
from scipy import ndimage

from benchmarks.cost import Cost, cost_of, in_own_process
from benchmarks.liver_mask import SPACING_MM, Mask, Size, make_mask
from benchmarks.plain_evaluation import evaluate_plainly
from ramify.command_line import parse, run
from ramify.metrics.case import evaluate_case
from ramify.metrics.settings import EvaluationSettings

TABLE = ("overlap", "surface", "centreline", "topology", "graph")
SIDES = ("ours", "ours, with each scale", "MONAI + scikit-image + sknw", "MONAI + cripser + sknw")


class MetricsBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    size: Literal["tiny", "small", "large", "both"] = "both"
    """Volumes: small 128 x 256 x 256, large 200 x 512 x 512 with the vessels in a part of it, both of these; tiny 32 x
    64 x 64, which only shows that everything runs."""
    repeats: int = Field(default=3, ge=1)
    """Calls of our side, whose median counts; the peers, which take minutes, are called once."""
    seed: int = Field(default=0, ge=0)
    """Of the phantom and of the prediction's errors."""


def main(argv: list[str] | None = None) -> None:
    command = parse(MetricsBenchmark, "Time and memory of the evaluation beside a plain script.", argv)
    sizes: tuple[Size, ...] = ("small", "large") if command.size == "both" else (command.size,)
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            target = make_mask(size, command.seed)
            np.save(folder / "target.npy", target)
            np.save(folder / "prediction.npy", worsened(target, command.seed))
            print(f"\n{size}: {' x '.join(map(str, target.shape))} voxels, {target.sum():,} of them vessel")
            print(f"{'':32}{'time':>12}{'memory':>14}{'ours faster':>14}{'our share':>12}")
            costs: dict[str, Cost] = {}
            for side in SIDES:
                repeats = command.repeats if side.startswith("ours") else 1
                costs[side] = cost = in_own_process(measure, side, folder, repeats)
                ratio, share = cost.seconds / costs["ours"].seconds, costs["ours"].mebibytes / cost.mebibytes
                shown = f"{ratio:>12.1f} x{share:>12.3f}" if not side.startswith("ours") else ""
                print(f"{side:32}{cost.seconds:>10.2f} s{cost.mebibytes:>10.0f} MiB{shown}", flush=True)


def worsened(target: Mask, seed: int) -> Mask:
    """A prediction of the target: pieces missed, thicker in places, false alarms."""
    random = np.random.default_rng(seed)
    coarse = [ndimage.zoom(random.normal(size=[-(-n // 16) for n in target.shape]), 16, order=1) for _ in range(3)]
    missed, thicker, extra = (field[tuple(slice(n) for n in target.shape)] for field in coarse)
    prediction = np.where(thicker > 0.8, ndimage.binary_dilation(target), target) & (missed < 1.1)
    near = ndimage.binary_dilation(target, iterations=6)
    worse: Mask = prediction | (ndimage.binary_dilation(near & (random.random(target.shape) < 2e-4)) & (extra > 0.5))
    return worse


def measure(side: str, folder: Path, repeats: int) -> Cost:
    """The cost of one side, in this process."""
    prediction, target = np.load(folder / "prediction.npy"), np.load(folder / "target.npy")

    def call(prediction: Mask, target: Mask) -> object:
        if side.startswith("ours"):
            families = (*TABLE, "scales") if side != "ours" else TABLE
            return evaluate_case(prediction, target, SPACING_MM, EvaluationSettings(measures=families))
        return evaluate_plainly(prediction, target, SPACING_MM, "cripser" if "cripser" in side else "scikit-image")

    corner = tuple(slice(n // 2 - 24, n // 2 + 24) for n in target.shape)
    call(prediction[corner].copy(), target[corner].copy())
    return cost_of(lambda: call(prediction, target), repeats)


if __name__ == "__main__":
    run(main)

"""Time and memory of the scale decomposition, beside a plain script of the same method, in one run.

    python -m benchmarks.preprocessing [--size tiny|small|large|both] [--repeats 3]

small: 128 x 256 x 256 voxels with 1.5 % vessel. large: the same trees, in the liver's part of a CT of 200 x 512 x 512.
Each step runs in processes of its own, one a side, so that each has its own peak of memory: the highest resident size
less the one before the first call. Its time is the median of the repeats; numba's kernels are compiled beforehand.
`share` is our memory over the plain script's. `equal` is the share of vessel voxels on which the two results agree: not
all, as the plain script ignores components and, in the second line, estimates radii otherwise. numpy's huge pages are
off on both sides.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy import ndimage
from skimage.morphology import skeletonize as scikit_image_skeletonize

from benchmarks.cost import Cost, cost_of, in_own_process
from benchmarks.liver_mask import SPACING_MM, Size, make_mask
from benchmarks.plain_decomposition import decompose_plainly, nearest_branches
from ramify.command_line import parse, run
from ramify.vessels.distance import nearest_label
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_scales
from ramify.vessels.skeleton import skeletonize

Mask = NDArray[np.bool_]
Seeds = NDArray[np.int32]


class PreprocessingBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    size: Literal["tiny", "small", "large", "both"] = "both"
    """Volumes: small 128 x 256 x 256, large 200 x 512 x 512 with the vessels in a part of it, both of these; tiny 32 x
    64 x 64, which only shows that everything runs."""
    repeats: int = Field(default=3, ge=1)
    """Runs of each variant, whose median counts."""
    seed: int = Field(default=0, ge=0)
    """Of the phantom."""


class Step(NamedTuple):
    """One step of the work, from a mask and seeds to an array: the plain way and ours."""

    plain: Callable[[Mask, Seeds], np.ndarray]
    ours: Callable[[Mask, Seeds], np.ndarray]


STEPS = {
    "scale decomposition": Step(
        lambda mask, _: decompose_plainly(mask, SPACING_MM),
        lambda mask, _: decompose_scales(mask, SPACING_MM, ScaleSettings(estimator="paper")).scale_map,
    ),
    "  with the default estimator": Step(
        lambda mask, _: decompose_plainly(mask, SPACING_MM),
        lambda mask, _: decompose_scales(mask, SPACING_MM).scale_map,
    ),
    "thinning": Step(
        lambda mask, _: scikit_image_skeletonize(mask, method="lee").astype(bool),
        lambda mask, _: skeletonize(mask),
    ),
    "nearest branch": Step(
        lambda mask, seeds: nearest_branches(mask, seeds, SPACING_MM),
        lambda mask, seeds: nearest_label(seeds, mask, SPACING_MM),
    ),
}


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(PreprocessingBenchmark, "Time and memory of the scale decomposition beside a plain script.", argv)
    # With huge pages, memory that is never touched counts wherever something near it is.
    os.environ["NUMPY_MADVISE_HUGEPAGE"] = "0"
    sizes: tuple[Size, ...] = ("small", "large") if command.size == "both" else (command.size,)
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            mask = make_mask(size, command.seed)
            np.save(folder / "mask.npy", mask)
            np.save(folder / "seeds.npy", make_seeds(mask))
            shape = " x ".join(map(str, mask.shape))
            print(f"\n{size}: {shape} voxels, {mask.sum():,} of them vessel ({mask.mean():.2%})")
            print(f"{'':30}{'plain':>10}{'ramify':>10}{'faster':>9}{'plain':>12}{'ramify':>11}{'share':>7}{'equal':>9}")
            for step in STEPS:
                plain, ours = (
                    in_own_process(measure, step, side, folder, command.repeats) for side in ("plain", "ours")
                )
                print(_row(step, plain, ours) + f"{_agreement(folder, mask):>9.2%}", flush=True)


def _row(step: str, plain: Cost, ours: Cost) -> str:
    faster, share = plain.seconds / ours.seconds, ours.mebibytes / plain.mebibytes
    return (
        f"{step:30}{plain.seconds:>8.2f} s{ours.seconds:>8.3f} s{faster:>7.1f} x"
        f"{plain.mebibytes:>8.0f} MiB{ours.mebibytes:>7.0f} MiB{share:>7.3f}"
    )


def _agreement(folder: Path, mask: Mask) -> float:
    """Share of the vessel voxels on which both sides' results are equal."""
    plain, ours = (np.load(folder / f"{side}.npy")[mask] for side in ("plain", "ours"))
    return float(np.mean(plain == ours))


def make_seeds(mask: Mask) -> NDArray[np.int32]:
    """Pieces of the skeleton, as branch labels for the step that spreads them."""
    skeleton = skeletonize(mask)
    skeleton[..., ::8] = False
    labels: NDArray[np.int32] = ndimage.label(skeleton, np.ones((3, 3, 3)))[0]
    return labels


def measure(step: str, side: str, folder: Path, repeats: int) -> Cost:
    """The cost of one side of a step, in this process; its result stays in the folder, as plain.npy or ours.npy."""
    call = STEPS[step].plain if side == "plain" else STEPS[step].ours
    mask, seeds = np.load(folder / "mask.npy"), np.load(folder / "seeds.npy")
    # A first call on a corner loads, or compiles, every kernel that the timed ones need.
    z, y, x = np.argwhere(mask)[mask.sum() // 2]
    corner = tuple(slice(max(index - 24, 0), index + 24) for index in (z, y, x))
    call(np.ascontiguousarray(mask[corner]), np.ascontiguousarray(seeds[corner]))
    results: list[np.ndarray] = []

    def again() -> None:
        results.clear()
        results.append(call(mask, seeds))

    cost = cost_of(again, repeats)
    np.save(folder / f"{side}.npy", np.asarray(results[0]))
    return cost


if __name__ == "__main__":
    run(main)

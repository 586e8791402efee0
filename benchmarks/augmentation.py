"""What augmentation costs, kind by kind and as a whole, beside batchgeneratorsv2 (nnU-Net's) and MONAI.

    python -m benchmarks.augmentation [--patch 64 64 64] [--rounds 11] [--samples 60] [--kinds noise blur]

All take turns on the same patch in one thread, as a loader process has one, and what counts is the time of the
processor, which others on the machine do not lengthen by taking it away. A kind is done to every sample, by values that
are drawn anew; medians. The last rows are samples from beginning to end: with every kind of nnU-Net's, and with
each in as many samples as nnU-Net has it, where the mean counts. Ratios are the peer's time over ours.
batchgeneratorsv2 is no part of the requirements: `pip install batchgeneratorsv2`.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from pydantic import BaseModel, Field

from benchmarks.augmentation_peers import Call, has_batchgenerators, kinds_of, random_patch, whole_of
from benchmarks.cost import alternating_seconds
from ramify.command_line import parse, run

PEERS = ("batchgeneratorsv2", "MONAI")
Middle = Callable[[Sequence[float]], float]
Row = tuple[Mapping[str, Call], int, Middle]
"""Calls of a row, rounds of them, and which middle of their times counts."""


class AugmentationBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    patch: tuple[int, int, int] = (64, 64, 64)
    """Voxels of a sample, z y x."""
    rounds: int = Field(default=11, ge=1)
    """Times that each kind is done, whose median counts."""
    samples: int = Field(default=60, ge=1)
    """Samples as nnU-Net draws them, whose mean counts."""
    kinds: tuple[str, ...] = ()
    """Rows of the table that are wanted, by their first words; none takes all."""
    seed: int = Field(default=0, ge=0)
    """Of the patch, and of what is drawn."""


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(AugmentationBenchmark, "What each kind of augmentation costs, beside other libraries.", argv)
    torch.set_num_threads(1)
    np.random.seed(command.seed)  # noqa: NPY002 - batchgeneratorsv2 draws from it
    torch.manual_seed(command.seed)
    patch = random_patch(command.patch, command.seed)
    print(f"a sample of {' x '.join(map(str, command.patch))} voxels, one thread")
    if not has_batchgenerators():
        print("batchgeneratorsv2 is not installed: pip install batchgeneratorsv2")
    print(f"{'':26}{'ours':>12}" + "".join(f"{peer:>24}" for peer in PEERS))
    rows: dict[str, Row] = {name: (calls, command.rounds, statistics.median) for name, calls in kinds_of(patch).items()}
    rows["all but elastic"] = whole_of(patch, lambda share: 1.0), command.rounds, statistics.median
    rows["as nnU-Net draws them"] = whole_of(patch, lambda share: share), command.samples, statistics.fmean
    for name, row in rows.items():
        if not command.kinds or name.startswith(command.kinds):
            print_row(name, *row)


def print_row(name: str, calls: Mapping[str, Call], rounds: int, middle: Middle) -> None:
    """Time of each call, and how many times that of ours."""
    for call in calls.values():
        call()
    found = {who: middle(seconds) for who, seconds in alternating_seconds(calls, rounds, time.thread_time).items()}
    ours, row = found["ours"], f"{name:26}{1000 * found['ours']:>9.2f} ms"
    for peer in PEERS:
        row += f"{1000 * found[peer]:>13.2f} ms{found[peer] / ours:>6.1f} x" if peer in found else f"{'-':>16}{'':8}"
    print(row.rstrip(), flush=True)


if __name__ == "__main__":
    run(main)

"""Every loss beside its peers and in a training step: time, peak memory and ratios, in one run.

    python -m benchmarks.losses [--part peers|overhead|all] [--device cpu|cuda] [--menten CLONE] [--output FOLDER]

peers: soft-clDice beside MONAI's, the contrast beside its whole matrix, Topo-clDice beside the published code (a clone
of martinmenten/skeletonization-for-gradient-based-optimization, given by --menten). Forward and backward together.
overhead: a whole training step with one more loss beside the step with Dice and cross-entropy alone, for every loss,
and against the number of classes (Kirchhoff et al. 2024, Fig. 6 and 7); drawn to FOLDER/losses_<device>.png.

Peers run in a process of their own each, and their time is the median of the repeats; steps with and without a loss
take turns, and what the loss adds is the median of the rounds. Memory is the highest resident size of the first call
above what was there before, in a process of its own (on CUDA: what torch gave out). Kernels are compiled beforehand.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from benchmarks import loss_overhead, loss_peers
from ramify.command_line import parse, run
from ramify.disk.outputs import Outputs


class LossBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to measure."""

    part: Literal["peers", "overhead", "all"] = "all"
    """Losses alone beside their peers, or what they add to a training step."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to compute."""
    sizes: tuple[int, ...] = (64, 96, 128)
    """Edges of the cubes for soft-clDice, voxels."""
    iterations: tuple[int, ...] = (5, 10, 25)
    """Of its skeleton."""
    anchors: int = Field(default=6144, ge=2)
    """Vectors that are contrasted, by us and by the peer; by us four times as many besides."""
    topo_size: int = Field(default=64, ge=8)
    """Edge of the cube for Topo-clDice, voxels."""
    step_size: tuple[int, int, int] | None = None
    """Voxels of the volume of a training step; none takes 64 x 64 x 64 on the CPU and 128 x 256 x 256 on CUDA."""
    classes: tuple[int, ...] = (1, 2, 4, 7, 10, 13)
    """Numbers of classes of a training step."""
    repeats: int = Field(default=5, ge=1)
    """Calls of each side, or rounds of steps; the median counts."""
    menten: Path | None = None
    """Clone of the published code of Menten et al. 2023; without it Topo-clDice has no peer."""
    output: Path = Path("output/benchmarks")
    """Folder of the figure."""
    replace: bool = False
    """Replace a figure that Ramify did not write, or that was changed since; it is kept as NAME.backup-1 (-2, ...)."""


def main(argv: list[str] | None = None) -> None:
    command = parse(LossBenchmark, "Every loss beside its peers and in a training step.", argv)
    figure = command.output / f"losses_{command.device}.png"
    if command.part != "peers":
        Outputs(replace=command.replace).claim_file(figure, "figure")
    if command.part != "overhead":
        print(loss_peers.HEADER)
        edges = loss_peers.Edges(command.sizes, command.topo_size)
        rows = loss_peers.compare_losses(
            edges, command.iterations, command.anchors, command.device, command.repeats, command.menten
        )
        for comparison in rows:
            print(comparison.row(), flush=True)
    if command.part != "peers":
        size = command.step_size or ((128, 256, 256) if command.device == "cuda" else (64, 64, 64))
        print(f"\n{loss_overhead.HEADER}")
        of_losses: list[loss_overhead.Overhead] = []
        of_classes: list[loss_overhead.Overhead] = []
        for kept, measured in (
            (of_losses, loss_overhead.overhead_of_losses(size, command.device, command.repeats)),
            (of_classes, loss_overhead.overhead_of_classes(command.classes, size, command.device, command.repeats)),
        ):
            for overhead in measured:
                print(overhead.row(), flush=True)
                kept.append(overhead)
        loss_overhead.draw_overheads(of_losses, of_classes, command.device, figure)
        print(f"\nfigure: {figure}")


if __name__ == "__main__":
    run(main)

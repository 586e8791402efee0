"""What ramify.analysis says of trees that are known to the last radius: phantoms' portal veins, one a mask.

    python -m benchmarks.analysed_trees --phantoms 4 --voxels-mm 2 1 0.5

A row a voxel size, means over the phantoms. Each vessel of the phantom is looked up where the mask has its branch, at
three fifths of its length. Share of the vessels' length with the right generation and parent, the root told; by
vessels, rank correlation of the generations, and mean of found - true. Junctions, lengths, radii, Strahler orders, time
and memory, which other programs have as well, are those of `benchmarks.tree_peers`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, Field, PositiveFloat
from scipy.stats import spearmanr

from benchmarks.found_trees import FloatArray, growth_of, places_in
from ramify.analysis import AnalysisSettings, VesselTree, analyse
from ramify.analysis.orders import generations
from ramify.command_line import parse, run
from ramify.phantoms import PhantomSettings, VesselGraph, grow_phantom
from ramify.phantoms.phantom import PORTAL

SIDE_MM = 128.0


class AnalysedTreesCommand(BaseModel, frozen=True, extra="forbid"):
    """Which trees, on which grids."""

    phantoms: int = Field(default=4, ge=1)
    """How many phantoms."""
    first_seed: int = Field(default=100, ge=0)
    """Seed of the first one; the next ones follow."""
    voxels_mm: tuple[PositiveFloat, ...] = (2.0, 1.0, 0.5)
    """Voxel sizes."""


class Scores(NamedTuple):
    """What is measured of one tree; the columns."""

    right_generation: float
    right_parent: float
    generation_rank_correlation: float
    generation_bias: float


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(AnalysedTreesCommand, __doc__, argv)
    print("| voxel, mm | " + " | ".join(name.replace("_", " ") for name in Scores._fields) + " |")
    print("| --- " * (1 + len(Scores._fields)) + "|")
    for side in command.voxels_mm:
        seeds = range(command.first_seed, command.first_seed + command.phantoms)
        mean = np.mean([scored(seed, side) for seed in seeds], axis=0)
        print(f"| {side:g} | " + " | ".join(f"{value:.2f}" for value in mean) + " |")


def scored(seed: int, side_mm: float) -> Scores:
    """A phantom's portal vein, analysed and compared with what was drawn."""
    voxels = round(SIDE_MM / side_mm)
    phantom = grow_phantom(PhantomSettings(size=(voxels,) * 3, spacing_mm=(side_mm,) * 3), seed)
    graph = phantom.graph.tree(PORTAL)
    settings = AnalysisSettings(root=(root_of(graph, side_mm),))
    return compared(analyse(phantom.structures[PORTAL], phantom.spacing_mm, settings), graph, side_mm)


def root_of(graph: VesselGraph, side_mm: float) -> str:
    """Where a phantom's only tree begins, as --root has it; side_mm: of its voxels."""
    return as_root(graph.nodes_mm[graph.roots()[0]], side_mm)


def as_root(place_mm: FloatArray, side_mm: float) -> str:
    """A place, z y x in mm from the outer corner of the first voxel, as --root has it: x,y,z from its centre."""
    return ",".join(f"{value:.3f}" for value in (place_mm - side_mm / 2)[::-1])


def compared(tree: VesselTree, graph: VesselGraph, side_mm: float) -> Scores:
    """The scores of a tree, whose vessels are those of a graph."""
    parents = graph.parents()
    generation = generations(growth_of(parents, graph.outward()), graph.edges[:, 0].astype(np.int64))
    voxels = np.clip(places_in(graph) / side_mm, 0, np.array(tree.decomposition.branches.shape) - 1)
    number = tree.decomposition.branches[tuple(voxels.astype(np.int64).T)]
    by_number = {row["branch"]: row for row in tree.branch_rows}
    lengths = graph.lengths_mm()
    right = np.zeros((len(number), 2), dtype=bool)
    steps = np.full(len(number), np.nan)
    for edge, found in enumerate(number.tolist()):
        if (row := by_number.get(found)) is None:
            continue
        parent = int(parents[edge])
        fed_by = {None} if parent < 0 else {int(number[parent])}
        right[edge] = (
            row["generation"] == generation[edge],
            row["parent"] in fed_by or (parent >= 0 and found == number[parent]),
        )
        steps[edge] = row["generation"]
    seen = np.isfinite(steps)
    shares = (right * lengths[:, None]).sum(axis=0) / lengths.sum()
    return Scores(
        float(shares[0]),
        float(shares[1]),
        float(spearmanr(steps[seen], generation[seen]).statistic),
        float(np.mean(steps[seen] - generation[seen])),
    )


if __name__ == "__main__":
    run(main)

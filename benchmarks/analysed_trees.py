"""What ramify.analysis says of trees that are known to the last radius: phantoms' portal veins, one a mask.

    python -m benchmarks.analysed_trees --phantoms 4 --voxels-mm 2 1 0.5

A row a voxel size, means over the phantoms. Each vessel of the phantom is looked up where the mask has its branch, at
three fifths of its length. Junctions found and junctions right within 2 mm; length of all centrelines over that of the
vessels; radii: rank correlation, and median of (found / true - 1); share of the vessels' length with the right Strahler
order, generation and parent, the root told; by vessels, rank correlation of the generations, and mean of found - true;
seconds for each mask.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, Field, PositiveFloat
from scipy.stats import spearmanr

from ramify.analysis import AnalysisSettings, VesselTree, analyse
from ramify.analysis.growth import Growth
from ramify.analysis.orders import generations, strahler_orders
from ramify.command_line import parse, run
from ramify.metrics.junctions import match_points
from ramify.phantoms import PhantomSettings, VesselGraph, grow_phantom
from ramify.phantoms.phantom import PORTAL

SIDE_MM = 128.0
TOLERANCE_MM = 2.0


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

    junction_recall: float
    junction_precision: float
    length_ratio: float
    radius_rank_correlation: float
    radius_bias: float
    right_strahler_order: float
    right_generation: float
    right_parent: float
    generation_rank_correlation: float
    generation_bias: float
    seconds: float


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
    began = time.perf_counter()
    tree = analyse(phantom.structures[PORTAL], phantom.spacing_mm, settings)
    _ = tree.branch_rows
    return compared(tree, graph, side_mm, time.perf_counter() - began)


def root_of(graph: VesselGraph, side_mm: float) -> str:
    """Where a phantom's only tree begins, as --root has it; side_mm: of its voxels."""
    # The graph counts from the outer corner, volumes from the centre of the first voxel.
    place = graph.nodes_mm[graph.roots()[0]] - side_mm / 2
    return ",".join(f"{value:.3f}" for value in place[::-1])


def compared(tree: VesselTree, graph: VesselGraph, side_mm: float, seconds: float) -> Scores:
    """The scores of a tree, whose vessels are those of a graph."""
    truth = growth_of(graph)
    order, generation = strahler_orders(truth), generations(truth, graph.edges[:, 0].astype(np.int64))
    start, end = graph.nodes_mm[graph.edges[:, 0]], graph.nodes_mm[graph.edges[:, 1]]
    voxels = np.clip((0.4 * start + 0.6 * end) / side_mm, 0, np.array(tree.decomposition.branches.shape) - 1)
    number = tree.decomposition.branches[tuple(voxels.astype(np.int64).T)]
    by_number = {row["branch"]: row for row in tree.branch_rows}
    lengths, total = graph.lengths_mm(), float(graph.lengths_mm().sum())
    right = np.zeros((len(number), 3), dtype=bool)
    radii, steps = np.full(len(number), np.nan), np.full(len(number), np.nan)
    for edge, found in enumerate(number.tolist()):
        if (row := by_number.get(found)) is None:
            continue
        parent = int(truth.parents[edge])
        fed_by = {None} if parent < 0 else {int(number[parent])}
        right[edge] = (
            row["strahler_order"] == order[edge],
            row["generation"] == generation[edge],
            row["parent"] in fed_by or (parent >= 0 and found == number[parent]),
        )
        radii[edge], steps[edge] = row["radius_mm"], row["generation"]
    seen = np.isfinite(radii)
    drawn = graph.nodes_mm[np.bincount(graph.edges.ravel()) > 2] - side_mm / 2
    junctions = np.array(
        [tree.nodes_found.points_mm[row["node"] - 1] for row in tree.node_rows if row["kind"] == "junction"]
    )
    matched = len(match_points(junctions.reshape(-1, 3), drawn, TOLERANCE_MM)[0])
    shares = (right * lengths[:, None]).sum(axis=0) / total
    return Scores(
        matched / len(drawn),
        matched / max(1, len(junctions)),
        tree.summary["length_mm"] / total,
        float(spearmanr(radii[seen], graph.radii_mm[seen]).statistic),
        float(np.median(radii[seen] / graph.radii_mm[seen] - 1)),
        float(shares[0]),
        float(shares[1]),
        float(shares[2]),
        float(spearmanr(steps[seen], generation[seen]).statistic),
        float(np.mean(steps[seen] - generation[seen])),
        seconds,
    )


def growth_of(graph: VesselGraph) -> Growth:
    """The vessels of a graph with their parents."""
    none = np.zeros(len(graph.edges), dtype=np.int64)
    order = graph.outward().astype(np.int64)
    return Growth(graph.parents().astype(np.int64), none, none, order, none.astype(float), none[:0])


if __name__ == "__main__":
    run(main)

"""Gaps in the vessels of phantoms, bridged: how many pieces too many are left, and what is joined that is not one.

    python -m benchmarks.broken_vessels

Each phantom has a portal and a hepatic tree that touch nowhere. What stands for a network's probabilities is the share
of vessel in each voxel, blurred, with a smooth noise on its logits, and with gaps of 2 to 8 mm along vessels: in most
of them the probability is low, from 0.15 to 0.45, in the others there is none. The mask is that from 0.5 on.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy import ndimage
from scipy.special import expit

from benchmarks.verdicts import print_table
from ramify.command_line import parse, run
from ramify.console.progress import followed
from ramify.metrics.overlap import dice
from ramify.phantoms.phantom import HEPATIC, PORTAL, Phantom, grow_phantom
from ramify.phantoms.rasterisation import owning_edges, rasterise
from ramify.phantoms.settings import PhantomSettings, TreeSettings
from ramify.vessels.bridges import Bridge, find_bridges, with_bridges
from ramify.vessels.components import label_components
from ramify.vessels.vessel_ends import VesselEnds

Mask = NDArray[np.bool_]


class BrokenVesselsCommand(BaseModel, frozen=True, extra="forbid"):
    """How many phantoms, and how they break."""

    phantoms: int = Field(20, ge=1)
    """Each with a seed of its own."""
    first_seed: int = Field(100, ge=0)
    """Of the first; what the rule was made on had 0 to 19."""
    size: tuple[int, int, int] = (80, 96, 96)
    """Voxels along each axis."""
    spacing_mm: tuple[float, float, float] = (1.6, 1.5, 1.5)
    """Voxel size."""
    gaps: int = Field(12, ge=0)
    """Of each phantom."""
    without_hint: float = Field(0.2, ge=0, le=1)
    """Share of the gaps in which the probability says nothing of a vessel."""
    noise: float = Field(0.7, ge=0)
    """Standard deviation of what is added to the logits; they are 4 in a vessel and -4 outside."""
    clearance_mm: float = Field(4.0, ge=0)
    """Least distance between the walls of the two trees."""
    reaches_mm: tuple[float, ...] = (3.0, 6.0, 10.0, 15.0)
    """Longest gaps that are bridged."""


def main(argv: Sequence[str] | None = None) -> int:
    """Break phantoms, bridge them, and print what is left."""
    command = parse(BrokenVesselsCommand, "Bridge the gaps in the vessels of phantoms.", argv)
    trees = TreeSettings(clearance_mm=command.clearance_mm)
    settings = PhantomSettings(size=command.size, spacing_mm=command.spacing_mm, trees=trees)
    rows = [
        row
        for seed in followed(range(command.first_seed, command.first_seed + command.phantoms), "phantoms", "phantom")
        for row in _of_phantom(grow_phantom(settings, seed), seed, command)
    ]
    told = []
    for reach in (0.0, *command.reaches_mm):
        own = [row for row in rows if row["reach"] == reach]
        means = {name: np.mean([row[name] for row in own]) for name in ("b0 error", "dice")}
        sums = [f"{sum(row[name] for row in own)}" for name in ("bridges", "beside", "between")]
        safe = np.mean([row["between"] == 0 for row in own])
        told.append((f"{reach:g}", [f"{means['b0 error']:.1f}", f"{means['dice']:.4f}", *sums, f"{safe:.0%}"]))
    print_table(
        "longest gap [mm]", ["error of b0", "Dice", "bridges", "beside", "between trees", "without these"], told
    )
    return 0


def _of_phantom(phantom: Phantom, seed: int, command: BrokenVesselsCommand) -> Iterator[dict[str, float]]:
    """One row for each reach, 0 the first."""
    spacing, truth = phantom.spacing_mm, phantom.vessels
    probabilities = broken(phantom, np.random.default_rng([seed, 1]), command)
    mask = probabilities >= 0.5
    ends, pieces = VesselEnds.of(mask, spacing), label_components(truth)[1]
    trees = [ndimage.binary_dilation(phantom.structures[name], np.ones((3, 3, 3))) for name in (PORTAL, HEPATIC)]
    for reach in (0.0, *command.reaches_mm):
        bridges = find_bridges(ends, probabilities, reach)
        joined = with_bridges(mask, bridges, spacing)
        yield {
            "reach": reach,
            "b0 error": abs(label_components(joined)[1] - pieces),
            "dice": dice(joined, truth),
            "bridges": len(bridges),
            "beside": sum(_lies_beside(bridge, truth) for bridge in bridges),
            "between": sum(_is_between_trees(bridge, trees) for bridge in bridges),
        }


def broken(phantom: Phantom, random: np.random.Generator, command: BrokenVesselsCommand) -> NDArray[np.float32]:
    """Probabilities of a network that breaks vessels, float32 (*S)."""
    graph, spacing = phantom.graph, np.array(phantom.spacing_mm)
    shape = phantom.vessels.shape
    share = np.sum([rasterise(graph.tree(name), shape, phantom.spacing_mm) for name in graph.tree_names], axis=0)
    noise = ndimage.gaussian_filter(random.normal(size=shape), 1.5)
    logits = 8 * (ndimage.gaussian_filter(share, 0.5) - 0.5) + command.noise * noise / noise.std()
    probabilities = expit(logits)
    edge_of = owning_edges(graph, ndimage.binary_dilation(phantom.vessels), phantom.spacing_mm)
    lengths = graph.lengths_mm()
    for edge in random.choice(np.flatnonzero(lengths > 10), min(command.gaps, (lengths > 10).sum()), replace=False):
        start, end = graph.nodes_mm[graph.edges[edge]]
        voxels = np.argwhere(edge_of == edge)
        along = ((voxels + 0.5) * spacing - start) @ (end - start) / lengths[edge]
        length = random.uniform(2, 8)
        first = random.uniform(1, lengths[edge] - length - 1)
        gap = tuple(voxels[(along >= first) & (along <= first + length)].T)
        most = random.uniform(0.01, 0.05) if random.random() < command.without_hint else random.uniform(0.15, 0.45)
        probabilities[gap] = np.minimum(probabilities[gap], most)
    found: NDArray[np.float32] = probabilities.astype(np.float32)
    return found


def _lies_beside(bridge: Bridge, truth: Mask) -> bool:
    """Whether less than half of a bridge is in a vessel."""
    return float(truth[tuple(bridge.voxels.T)].mean()) < 0.5


def _is_between_trees(bridge: Bridge, trees: Sequence[Mask]) -> bool:
    """Whether a bridge leads from one of two trees, each with the voxels around it, to the other."""
    first, last = (tuple(bridge.voxels[place]) for place in (0, -1))
    return any(one[first] and other[last] and not other[first] for one, other in (trees, trees[::-1]))


if __name__ == "__main__":
    run(main)

"""The three radius estimators on phantoms with known radii, and on masks of real vessels.

    python -m benchmarks.radius_estimators [--masks DIR] [--seeds 3]

Phantoms have radii from 0.6 to 8 voxels and are drawn at voxels of 1 x 1 x 1 and 2 x 1 x 1 mm, a voxel being vessel
where at least half of it is. Trees grow by constrained constructive optimisation; tubes run obliquely or in an arc.

The truth: a true branch is an edge of the phantom's graph, edges that only continue one another being one; it counts if
at least one voxel of the mask belongs to it, that is, lies deepest in it. Its scale is that of its radius among the
radii of all branches that count, by their quartiles. Columns:

    error    median over true branches of |r / true r - 1|; r is the median over its voxels of the radius given to each
    rank     Spearman's rank correlation of r and the true radius over true branches
    in scale share of vessel voxels whose scale is the true one

For real masks there is no truth: `paper ~ distance` is the rank correlation, over the branches, of the paper's radius
and the distance transform's median; `twice` the share of branches where the first is more than twice the second;
`spurs` the share of pieces with a free end and a junction that have one or two voxels.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import spearmanr

from ramify.command_line import parse, run
from ramify.console.progress import followed
from ramify.data.files import read_mask
from ramify.data.mask_folders import vessel_masks
from ramify.phantoms.rasterisation import owning_edges, rasterise
from ramify.phantoms.tree_growth import Region, TreePlan, grow_trees
from ramify.phantoms.vessel_graph import VesselGraph
from ramify.vessels.box import foreground_box
from ramify.vessels.branches import FREE, branch_medians, trace_branches
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.estimators import ESTIMATORS
from ramify.vessels.estimators.paper import paper_local_radii
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings
from ramify.vessels.scales import ScaleWarning, decompose_scales
from ramify.vessels.skeleton import skeletonize
from ramify.vessels.wall import Wall

SPACINGS_MM = ((1.0, 1.0, 1.0), (2.0, 1.0, 1.0))
SIDE_MM = 160
# Eight, so that the quartiles lie between two of them: on a radius itself the truth would be a matter of rounding.
TUBE_RADII_MM = (0.6, 0.9, 1.3, 1.9, 2.7, 3.9, 5.6, 8.0)
# Trunk radius in mm, terminals, and how unlike the terminals' flows are.
TREES = ((8.0, 120, 1.5), (8.0, 300, 1.0), (5.0, 80, 1.0))
QUARTILES = (0.25, 0.75)
DEFAULT_ESTIMATOR = DEFAULT_SCALES.estimator
TARGETS = {"rank": 0.9, "in scale": 0.9}


class RadiusBenchmark(BaseModel, frozen=True, extra="forbid"):
    """What to compare."""

    masks: Path | None = None
    """Folder of real vessel masks to look at too; files whose name ends in _liver or _organ are left out."""
    seeds: int = Field(default=3, ge=1)
    """Phantoms of each kind."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A phantom's mask with the true branch of each of its voxels and the true radii."""

    mask: NDArray[np.bool_]
    branch: NDArray[np.int64]
    radii_mm: NDArray[np.float64]
    spacing_mm: tuple[float, ...]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table of the phantoms and, given masks, that of the masks."""
    settings = parse(RadiusBenchmark, "Compare the radius estimators on phantoms with known radii.", argv)
    warnings.simplefilter("ignore", ScaleWarning)
    phantoms = [
        (kind, draw(graph, spacing))
        for spacing in SPACINGS_MM
        for kind, graph in followed(graphs(settings.seeds), "drawing", "phantom", 5 * settings.seeds)
    ]
    rows: dict[tuple[tuple[float, ...], str, str], list[dict[str, float]]] = {}
    for estimator in ESTIMATORS:
        for kind, truth in followed(phantoms, estimator, "phantom"):
            result = by_quartiles(truth.mask, truth.spacing_mm, estimator)
            rows.setdefault((truth.spacing_mm, kind, estimator), []).append(scores(result, truth))
    print(table_of_phantoms(rows))
    if settings.masks:
        print("\n" + table_of_masks(settings.masks))


def by_quartiles(mask: NDArray[np.bool_], spacing_mm: Sequence[float], estimator: str) -> ScaleDecomposition:
    """The scales of a mask by an estimator, each branch counting once, as in the truth."""
    chosen = ScaleSettings(quantiles=QUARTILES, estimator=estimator, weigh="branches")
    return decompose_scales(mask, spacing_mm, chosen)


def graphs(seeds: int) -> Iterator[tuple[str, VesselGraph]]:
    """Phantoms by kind."""
    for seed in range(seeds):
        for radius, terminals, spread in TREES:
            yield "trees", tree(radius, terminals, spread, seed)
        yield "straight tubes", tubes(0.0, seed)
        yield "curved tubes", tubes(1.5, seed)


def tree(root_radius_mm: float, terminals: int, spread: float, seed: int) -> VesselGraph:
    """A tree that fills a cube, its thinnest vessels 0.6 mm in radius."""
    step = 2.0
    at = np.stack(np.meshgrid(*[np.arange(step / 2, SIDE_MM, step)] * 3, indexing="ij"), axis=-1)
    region = Region(np.maximum(np.minimum(at, SIDE_MM - at).min(axis=-1) - 1, 0), np.full(3, step))
    root = np.array([root_radius_mm + 3, SIDE_MM / 2, SIDE_MM / 2])
    plan = TreePlan("tree", root, root_radius_mm, 0.6, terminals)
    return grow_trees(region, [plan], np.random.default_rng(seed), flow_spread=spread)


def tubes(turn: float, seed: int) -> VesselGraph:
    """Tubes of each radius side by side, in any direction across the volume; each turns by `turn` radians."""
    rng = np.random.default_rng(seed)
    nodes: list[NDArray[np.float64]] = []
    edges, radii = [], []
    middle = 4.0
    for radius in TUBE_RADII_MM:
        middle += radius + 3
        along = np.linspace(-0.5, 0.5, 25 if turn else 2)
        arc = np.stack([along, 0 * along], axis=1)
        if turn:
            arc = np.stack([np.sin(turn * along), 1 - np.cos(turn * along)], axis=1) / turn
        tilt = rng.uniform(-0.6, 0.6)
        plane = 60 * arc @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
        across = middle + rng.uniform(-0.5, 0.5) + 0.03 * plane[:, 0]
        order = np.arange(len(nodes), len(nodes) + len(plane))
        edges.append(np.stack([order[:-1], order[1:]], axis=1))
        nodes += list(np.column_stack([plane[:, 0] + 48, plane[:, 1] + 40, across]))
        radii.append(np.full(len(plane) - 1, radius))
        middle += radius
    one = np.zeros(sum(map(len, radii)), dtype=np.int32)
    return VesselGraph(np.array(nodes), np.concatenate(edges).astype(np.int32), np.concatenate(radii), one, ("tubes",))


def draw(graph: VesselGraph, spacing_mm: tuple[float, ...]) -> Truth:
    """The phantom's mask on a grid, cut to what it fills, and the true branches."""
    extent = graph.nodes_mm.max(axis=0) + graph.radii_mm.max() + 4
    size = tuple(int(np.ceil(length / step)) for length, step in zip(extent, spacing_mm, strict=True))
    mask = rasterise(graph, size, spacing_mm) >= 0.5
    branch_of_edge = true_branches(graph)
    radii = np.zeros(branch_of_edge.max() + 1)
    radii[branch_of_edge] = graph.radii_mm
    return Truth(mask, branch_of_edge[owning_edges(graph, mask, spacing_mm)[mask]], radii, spacing_mm)


def true_branches(graph: VesselGraph) -> NDArray[np.int64]:
    """Number the edges' branches, edges of one radius that meet at a node with no other being one, int (E,)."""
    meeting = np.concatenate([graph.edges[:, 0], graph.edges[:, 1]])
    edge = np.tile(np.arange(len(graph.edges)), 2)
    ranked = np.argsort(meeting, kind="stable")
    node, count = np.unique(meeting, return_counts=True)
    first = np.searchsorted(meeting[ranked], node[count == 2])
    one, other = edge[ranked[first]], edge[ranked[first + 1]]
    alike = graph.radii_mm[one] == graph.radii_mm[other]
    links = coo_array((np.ones(alike.sum()), (one[alike], other[alike])), shape=(len(graph.edges),) * 2)
    branches: NDArray[np.int64] = connected_components(links, directed=False)[1].astype(np.int64)
    return branches


def scores(result: ScaleDecomposition, truth: Truth) -> dict[str, float]:
    """The columns of the table for one phantom."""
    seen = np.unique(truth.branch)
    radius = result.radii_mm[result.branches[truth.mask] - 1]
    true = truth.radii_mm[seen]
    number = np.searchsorted(seen, truth.branch)
    given = branch_medians(radius, number, len(seen))
    scale = 1 + np.searchsorted(np.quantile(true, QUARTILES), true, side="left")
    return {
        "error": float(np.median(np.abs(given / true - 1))),
        "rank": float(spearmanr(given, true).statistic),
        "in scale": float(np.mean(result.scale_map[truth.mask] == scale[number])),
    }


def table_of_phantoms(rows: dict[tuple[tuple[float, ...], str, str], list[dict[str, float]]]) -> str:
    """Markdown, a row each spacing, kind and estimator: means over the phantoms and, after a slash, the worst."""
    lines = [
        "| spacing (mm) | phantoms | estimator | error | rank | in scale |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for (spacing, kind, estimator), found in sorted(rows.items(), key=lambda row: (row[0][0], row[0][1])):
        cells = []
        for column, worst in (("error", max), ("rank", min), ("in scale", min)):
            values = [row[column] for row in found]
            cells.append(f"{np.mean(values):.3f} / {worst(values):.3f}")
        name = f"{estimator} (default)" if estimator == DEFAULT_ESTIMATOR else estimator
        lines.append(
            f"| {' x '.join(f'{step:g}' for step in spacing)} | {kind} ({len(found)}) | {name} | {' | '.join(cells)} |"
        )
    for group in ("trees", "tubes"):
        default = [
            row
            for (_, kind, name), found in rows.items()
            if name == DEFAULT_ESTIMATOR and group in kind
            for row in found
        ]
        for column, target in TARGETS.items():
            mean = np.mean([row[column] for row in default])
            verdict = "reached" if mean >= target else "missed"
            lines.append(f"\n{DEFAULT_ESTIMATOR} on {group}: {column} {mean:.3f}, target {target:g} {verdict}")
    return "\n".join(lines)


def table_of_masks(folder: Path) -> str:
    """Markdown, a row each mask.

    Raises FileNotFoundError or ValueError as `vessel_masks`.
    """
    masks = vessel_masks(folder)
    lines = ["| mask | pieces | spurs | paper ~ distance | twice | paper ~ default | scales of the default (voxels) |"]
    lines.append("| --- " * 7 + "|")
    for case, path in followed(masks.items(), "masks", "mask", len(masks)):
        volume = read_mask(path)
        lines.append(f"| {case} | {' | '.join(mask_row(volume.array, volume.spacing_mm))} |")
    return "\n".join(lines)


def mask_row(mask: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> list[str]:
    """The columns of one real mask."""
    part = np.ascontiguousarray(mask[foreground_box(mask)])
    graph = trace_branches(skeletonize(part))
    depth = Wall(part, spacing_mm).distance_mm(graph.voxels * np.array(spacing_mm))
    distance = branch_medians(depth, graph.owner, graph.n_branches)
    paper = branch_medians(paper_local_radii(graph.voxels, part, spacing_mm), graph.owner, graph.n_branches)
    one_free_end = np.sum(graph.ends == FREE, axis=1) == 1
    default = by_quartiles(mask, spacing_mm, DEFAULT_ESTIMATOR)
    given = branch_medians(
        default.radii_mm[default.branches[mask] - 1],
        by_quartiles(mask, spacing_mm, "paper").branches[mask].astype(np.int64) - 1,
        graph.n_branches,
    )
    shares = np.bincount(default.scale_map[mask], minlength=4)[1:] / np.count_nonzero(mask)
    return [
        str(graph.n_branches),
        f"{np.mean(one_free_end & (np.diff(graph.starts) <= 2)):.0%}",
        f"{spearmanr(paper, distance).statistic:.2f}",
        f"{np.mean(paper > 2 * distance):.0%}",
        f"{spearmanr(paper, given).statistic:.2f}",
        " / ".join(f"{share:.0%}" for share in shares),
    ]


if __name__ == "__main__":
    run(main)

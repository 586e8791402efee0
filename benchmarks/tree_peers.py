"""Trees of masks whose tree is known to the last radius: ours beside skan, kimimaro and thinning with a distance map.

    python -m benchmarks.tree_peers --data FOLDER

Masks: the tree of VascuSynth that ships with its radii (FOLDER/vascusynth/example_with_tree/tree_structure.xml), at its
own voxels and at half of them, and phantoms' portal veins, at several voxel sizes. A row a mask and program: junctions
that are right within 2 mm (of VascuSynth, whose unit is its voxel, within 2 of these), share of the vessels that a
centreline runs through, length, radii, Strahler orders from the root that is told; seconds of the processor and the
peak of memory above what was there before, of the second call in a process of its own. Programs that are not installed
are left out: `pip install skan`, `pip install kimimaro` (GPL).

skan: Lee's thinning of scikit-image, skan's paths, the mean of the distance map along each, as its documentation has
it. thinning: the same skeleton, cut at its junctions, and the median of the distance map, as VesselVio does, without
its filters. kimimaro: TEASAR with its defaults, `const` two voxels. Their junctions that touch count as one; they know
no root, so that their orders are taken from the node nearest to it, along their shortest branches.
"""

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveFloat
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from benchmarks.analysed_trees import SIDE_MM, as_root
from benchmarks.cost import cost_of, in_own_process
from benchmarks.found_trees import FoundTree, Rightness, joined, of_vertices, rightness
from benchmarks.meaning_trees import SIZE, read_tree
from ramify.analysis import AnalysisSettings, analyse
from ramify.analysis.orders import strahler_orders
from ramify.command_line import parse, run
from ramify.phantoms import PhantomSettings, VesselGraph, grow_phantom
from ramify.phantoms.phantom import PORTAL
from ramify.phantoms.rasterisation import rasterise

Spacing = tuple[float, ...]
Place = tuple[float, ...]
Method = Callable[[NDArray[np.bool_], Spacing, Place], FoundTree]
TOLERANCE_MM = 2.0


class TreePeersCommand(BaseModel, frozen=True, extra="forbid"):
    """Which trees, on which grids."""

    data: Path | None = None
    """Folder with vascusynth/example_with_tree; without it there are phantoms alone."""
    phantoms: int = Field(default=4, ge=0)
    """How many phantoms; a row is the mean of them."""
    first_seed: int = Field(default=100, ge=0)
    """Seed of the first one; the next ones follow."""
    voxels_mm: tuple[PositiveFloat, ...] = (2.0, 1.0, 0.5)
    """Voxel sizes of the phantoms."""


class Drawn(NamedTuple):
    """A mask, its cubic voxels, and what it was drawn from: in mm from the outer corner of the first voxel."""

    mask: NDArray[np.bool_]
    voxel_mm: float
    graph: VesselGraph


def main(argv: Sequence[str] | None = None) -> None:
    command = parse(TreePeersCommand, __doc__, argv)
    columns = [name.replace("_", " ") for name in Rightness._fields]
    print("| mask | program | " + " | ".join([*columns, "seconds", "MiB"]) + " |")
    print("| --- | --- " + "| --- " * (len(columns) + 2) + "|")
    for name, trees in masks(command):
        for method in METHODS:
            if method in NEEDS and importlib.util.find_spec(NEEDS[method]) is None:
                continue
            scores = np.mean([in_own_process(scored, method, drawn) for drawn in trees], axis=0)
            shown = [*(f"{value:.2f}" for value in scores[:-1]), f"{scores[-1]:.0f}"]
            print(f"| {name} | {method} | " + " | ".join(shown) + " |", flush=True)


def masks(command: TreePeersCommand) -> Iterator[tuple[str, list[Drawn]]]:
    """The masks of each row."""
    if command.data is not None:
        graph = read_tree(command.data / "vascusynth" / "example_with_tree" / "tree_structure.xml")
        for finer in (1, 2):
            side = 1 / finer
            mask = rasterise(graph, (SIZE * finer,) * 3, (side,) * 3) >= 0.5
            yield f"VascuSynth, voxel {side:g}", [Drawn(mask, side, graph)]
    for side in command.voxels_mm if command.phantoms else ():
        size = PhantomSettings(size=(round(SIDE_MM / side),) * 3, spacing_mm=(side,) * 3)
        seeds = range(command.first_seed, command.first_seed + command.phantoms)
        grown = [grow_phantom(size, seed) for seed in seeds]
        trees = [Drawn(phantom.structures[PORTAL], side, phantom.graph.tree(PORTAL)) for phantom in grown]
        yield f"phantoms, voxel {side:g} mm", trees


def scored(method: str, drawn: Drawn) -> tuple[float, ...]:
    """The scores of a program on a mask, processor seconds and peak MiB of its second call."""
    spacing = (drawn.voxel_mm,) * drawn.mask.ndim
    root = tuple(drawn.graph.nodes_mm[drawn.graph.roots()[0]].tolist())
    seconds: list[float] = []

    def call() -> FoundTree:
        began = time.process_time()
        found = METHODS[method](drawn.mask, spacing, root)
        seconds.append(time.process_time() - began)
        return found

    # The first loads and compiles.
    found = call()
    cost = cost_of(call, 1)
    return (*rightness(found, drawn.graph, TOLERANCE_MM, drawn.voxel_mm), seconds[1], cost.mebibytes)


def by_ramify(mask: NDArray[np.bool_], spacing: Spacing, root: Place) -> FoundTree:
    """Ours, with its tables."""
    tree = analyse(mask, spacing, AnalysisSettings(root=(as_root(np.array(root), spacing[0]),)))
    _ = tree.branch_rows, tree.node_rows
    curves, half = tree.paths.curves, np.array(spacing) / 2
    paths = [curves.points_mm[tree.paths.points(branch)] + half for branch in range(tree.paths.n_branches)]
    return FoundTree(
        tree.nodes_found.points_mm + half,
        np.stack([tree.nodes_found.starts, tree.nodes_found.ends], axis=1),
        paths,
        tree.paths.lengths_mm,
        tree.paths.branch_radii_mm,
        strahler_orders(tree.growth),
    )


def thinned(mask: NDArray[np.bool_], spacing: Spacing) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Lee's skeleton, and the distance of each voxel to the wall in mm, both (*S)."""
    from skimage.morphology import skeletonize

    depth = distance_transform_edt(np.pad(mask, 1), spacing)[(slice(1, -1),) * mask.ndim]
    return skeletonize(mask), depth


def by_skan(mask: NDArray[np.bool_], spacing: Spacing, root: Place) -> FoundTree:
    """skan's paths and table."""
    from skan import Skeleton, summarize

    thin, depth = thinned(mask, spacing)
    skeleton = Skeleton(thin * depth, spacing=spacing, keep_images=False)
    table = summarize(skeleton, separator="_")
    paths = [(skeleton.path_coordinates(path) + 0.5) * np.array(spacing) for path in range(skeleton.n_paths)]
    ends = table[["node_id_src", "node_id_dst"]].to_numpy(np.int64)
    used, ends = np.unique(ends, return_inverse=True)
    nodes = (skeleton.coordinates[used] + 0.5) * np.array(spacing)
    lengths, radii = (table[name].to_numpy(np.float64) for name in ("branch_distance", "mean_pixel_value"))
    return joined(FoundTree(nodes, ends.reshape(-1, 2), paths, lengths, radii), 2 * float(np.linalg.norm(spacing)))


def by_thinning(mask: NDArray[np.bool_], spacing: Spacing, root: Place) -> FoundTree:
    """Thinning and the distance map, as VesselVio has it."""
    thin, depth = thinned(mask, spacing)
    voxels = np.argwhere(thin)
    links = cKDTree(voxels).query_pairs(np.sqrt(mask.ndim) + 1e-6, output_type="ndarray")
    return of_vertices((voxels + 0.5) * np.array(spacing), links.astype(np.int64), depth[tuple(voxels.T)])


def by_kimimaro(mask: NDArray[np.bool_], spacing: Spacing, root: Place) -> FoundTree:
    """TEASAR of kimimaro."""
    import kimimaro

    parts = kimimaro.skeletonize(
        mask.astype(np.uint8),
        teasar_params={"scale": 1.5, "const": 2 * max(spacing)},
        anisotropy=spacing,
        dust_threshold=0,
        progress=False,
        parallel=1,
    )
    whole = parts[1]
    half = np.array(spacing) / 2
    return of_vertices(
        whole.vertices.astype(np.float64) + half, whole.edges.astype(np.int64), whole.radius.astype(np.float64)
    )


METHODS: dict[str, Method] = {
    "ramify": by_ramify,
    "skan": by_skan,
    "thinning": by_thinning,
    "kimimaro": by_kimimaro,
}
NEEDS = {"skan": "skan", "kimimaro": "kimimaro"}


if __name__ == "__main__":
    run(main)

"""The VascuSynth tree that ships with its exact radii, as rows of `benchmarks.scale_meaning`.

A voxel is vessel where at least half of it is: at the tree's own resolution most of its vessels are thinner than a
voxel. The truth parts the radii of all edges that own a voxel at their quartiles, as the decomposition does those it
finds: by their length.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from benchmarks.meaning_masks import decomposed
from benchmarks.meaning_row import Row
from benchmarks.radius_estimators import QUARTILES, true_branches
from ramify.phantoms.rasterisation import owning_edges, rasterise
from ramify.phantoms.vessel_graph import VesselGraph
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings
from ramify.vessels.thresholds import weighted_quantiles

SIZE = 101
MM_OF_A_VOXEL = 0.04
"""In which its radii are; positions are in voxels."""


def read_tree(path: Path) -> VesselGraph:
    """A `tree_structure.xml` as a graph in voxels."""
    root = ElementTree.parse(path).getroot()[0]
    names = [node.attrib["id"].strip() for node in root.findall("node")]
    number = {name: index for index, name in enumerate(names)}
    # x, y, z there; a position is that of a voxel's centre.
    nodes = np.array(
        [[float(value.text or "nan") for value in node.iter("float")][::-1] for node in root.findall("node")]
    )
    edges, radii = [], []
    for edge in root.findall("edge"):
        edges.append([number[edge.attrib[end].strip()] for end in ("from", "to")])
        values = {attribute.attrib["name"].strip(): attribute for attribute in edge.findall("attr")}
        radii.append(float(next(values["radius"].iter("float")).text or "nan") / MM_OF_A_VOXEL)
    trees = np.zeros(len(edges), dtype=np.int32)
    return VesselGraph(nodes + 0.5, np.array(edges, dtype=np.int32), np.array(radii), trees, ("tree",))


def in_true_scale(data: Path, finer: int, settings: ScaleSettings = DEFAULT_SCALES) -> str:
    """Share of the voxels, all and of each true scale, that are in it; the share of those called small that are."""
    graph = read_tree(data / "vascusynth" / "example_with_tree" / "tree_structure.xml")
    spacing = (1 / finer,) * 3
    mask = rasterise(graph, (SIZE * finer,) * 3, spacing) >= 0.5
    branch = true_branches(graph)
    owner = branch[owning_edges(graph, mask, spacing)[mask]]
    length = np.bincount(branch, graph.lengths_mm()).astype(np.float64)
    radius = np.zeros(len(length))
    radius[branch] = graph.radii_mm

    seen = np.unique(owner)
    counts = np.ones(len(seen)) if settings.weigh == "branches" else length[seen]
    thresholds = weighted_quantiles(radius[seen], counts, QUARTILES)
    true = 1 + np.searchsorted(thresholds, radius[owner], side="left")
    found = decomposed((mask, spacing), settings).scale_map[mask]
    each = " / ".join(f"{np.mean(found[true == scale] == scale):.2f}" for scale in (1, 2, 3))
    return f"{np.mean(found == true):.2f}; {each}; {np.mean(true[found == 1] == 1):.2f}"


TREES = {
    "vascusynth": Row(
        "VascuSynth's tree: voxels in their true scale; small / medium / large ones; of those called small",
        "small: .60",
        lambda data: in_true_scale(data, 1),
    ),
    "vascusynth-branches": Row(
        "the same, each branch counting once",
        "",
        lambda data: in_true_scale(data, 1, ScaleSettings(weigh="branches")),
    ),
    "vascusynth-finer": Row("the same at twice the resolution", "", lambda data: in_true_scale(data, 2)),
}

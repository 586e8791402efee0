"""The files of one analysed mask: tables, label maps, centrelines, graph and surfaces."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from ramify.analysis.branch_table import Row
from ramify.analysis.label_maps import LabelMap, label_maps, map_names, named_territories, territory_map
from ramify.analysis.settings import AnalysisForm
from ramify.analysis.territories import Territories
from ramify.analysis.tree_network import network_of
from ramify.analysis.vessel_tree import VesselTree
from ramify.console.csv_text import csv_of_records
from ramify.data.files import write_volume
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import to_json
from ramify.disk.own_files import remove
from ramify.drawing.colours import scale_colours
from ramify.report.centreline_files import to_graphml, to_swc, to_vtp
from ramify.report.surface_files import Paint, to_glb, to_stl
from ramify.report.surfaces import extract_surface

SUMMARY = "summary.json"
TABLES = ("branches.csv", "nodes.csv", "cycles.csv", "territories.csv", SUMMARY)
_OF_STEM = ("branch", "tree", "generation", "strahler_order", "radius_mm")
CENTRELINES = {"vtp": to_vtp, "swc": to_swc, "graphml": to_graphml}


def write_tree(folder: Path, tree: VesselTree, forms: Collection[AnalysisForm]) -> None:
    """Write the tables and what is asked for of a mask into its folder; the summary last, when all else is there.

    Raises OSError where a file cannot be written.
    """
    for name, content in _contents(tree, forms):
        write_whole(folder / name, content)
    if "maps" in forms:
        for one in label_maps(tree):
            _write_map(folder, tree, one)
    if tree.organ is not None:
        rows = []
        for name, found in named_territories(tree):
            rows += territory_rows(tree, name, found)
            if "maps" in forms:
                _write_map(folder, tree, territory_map(tree, name, found))
        write_whole(folder / "territories.csv", csv_of_records(rows))
    settings = tree.settings.model_dump(mode="json")
    write_whole(folder / SUMMARY, to_json({**tree.summary, "notes": list(tree.notes), "settings": settings}))


def _write_map(folder: Path, tree: VesselTree, one: LabelMap) -> None:
    write_volume(folder / f"{one.name}.nii.gz", tree.place.with_array(one.array))
    write_whole(folder / f"{one.name}.ctbl", one.colour_table())


def clear(folder: Path) -> None:
    """Remove what an earlier analysis left in the folder of a case, or half of one; what the user changed stays."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and not path.is_symlink():
            remove(path)
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def file_names(systems: Sequence[str], organ: bool, forms: Collection[AnalysisForm]) -> list[str]:
    """Every file that there may be in a mask's folder."""
    names = [name for name in TABLES if organ or name != "territories.csv"]
    names += [f"centrelines.{form}" for form in CENTRELINES if form in forms]
    names += ["graph.json"] if "json" in forms else []
    names += [f"vessels.{form}" for form in ("stl", "glb") if form in forms]
    if "maps" in forms:
        names += [f"{name}.{ending}" for name in map_names(systems, organ) for ending in ("nii.gz", "ctbl")]
    return names


def _contents(tree: VesselTree, forms: Collection[AnalysisForm]) -> Iterator[tuple[str, bytes | str]]:
    yield "branches.csv", csv_of_records(tree.branch_rows)
    yield "nodes.csv", csv_of_records(tree.node_rows)
    yield "cycles.csv", csv_of_records(tree.cycles, ("branch", "kind", "meets"))
    if chosen := [form for form in CENTRELINES if form in forms]:
        network = network_of(tree)
        for form in chosen:
            yield f"centrelines.{form}", CENTRELINES[form](network)
    if "json" in forms:
        yield "graph.json", node_link_json(tree)
    if tree.place.ndim == 3 and {"stl", "glb"} & {*forms}:
        yield from _surfaces(tree, forms)


def _surfaces(tree: VesselTree, forms: Collection[AnalysisForm]) -> Iterator[tuple[str, bytes]]:
    """The wall as STL, and as GLB with a surface a scale in its colour."""
    space, scales = tree.settings.coordinates, tree.decomposition.scale_map
    if "stl" in forms:
        yield "vessels.stl", to_stl(extract_surface(scales > 0, tree.place, space), space)
    if "glb" in forms:
        colours = scale_colours(tree.settings.scales.n_scales)
        painted = {
            f"scale {number}": (extract_surface(scales == number, tree.place, space), Paint.of(colour))
            for number, colour in enumerate(colours, start=1)
            if (scales == number).any()
        }
        yield "vessels.glb", to_glb(painted, space)


def node_link_json(tree: VesselTree) -> str:
    """The trees as `networkx.node_link_graph` reads them: a directed multigraph away from the roots."""
    points = {row["start_node"]: row for row in tree.branch_rows if row["length_mm"] == 0}
    nodes = [{"id": row["node"], **row, **points.get(row["node"], {})} for row in tree.node_rows]
    edges = [
        {"source": row["start_node"], "target": row["end_node"], "key": row["branch"], **row}
        for row in tree.branch_rows
        if row["length_mm"] > 0
    ]
    graph = {"SPACE": tree.settings.coordinates.upper(), "UNIT": "mm"}
    return to_json(
        {"directed": True, "multigraph": True, "graph": graph, "nodes": nodes, "edges": edges}, in_one_line=True
    )


def territory_rows(tree: VesselTree, name: str, found: Territories) -> list[Row]:
    """A row a territory: its map and label there, the branch that it is the territory of, its size."""
    assert tree.organ is not None, "territories are parts of one"
    rows = []
    size = float(np.prod(tree.decomposition.spacing_mm))
    flat = tree.place.ndim == 2
    by_number = {row["branch"]: row for row in tree.branch_rows}
    voxels = np.bincount(found.map[tree.organ], minlength=len(found.stems) + 1)
    for label, stem in enumerate(found.stems.tolist(), start=1):
        branch = by_number[int(tree.paths.curves.branches[stem])]
        row: Row = {
            "map": name,
            "territory": label,
            **{column: branch[column] for column in _OF_STEM},
            "area_cm2" if flat else "volume_ml": float(voxels[label]) * size / (100 if flat else 1000),
            "share_of_organ": float(voxels[label] / voxels.sum()),
        }
        rows.append(row)
    return rows

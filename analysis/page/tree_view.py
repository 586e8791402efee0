"""What a page shows of one analysed mask, as plain data that is fit to travel between processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ramify.analysis.branch_table import Row
from ramify.analysis.page.paints import Paint, paints_of
from ramify.analysis.page.plan import plan
from ramify.analysis.page.settings import TreePageSettings
from ramify.analysis.page.tree_diagram import tree_diagram
from ramify.analysis.page.tree_scene import tree_scene
from ramify.analysis.vessel_tree import VesselTree


@dataclass(frozen=True)
class TreeView:
    """One mask, or one class of it.

    geometry: shape and spacing in words. coordinates: those of places, LPS or RAS.
    summary: as `VesselTree.summary`.
    paints: what its branches may be coloured by.
    scene: its surface for report/viewer.js, or None.
    plan, diagram: pictures as SVG.
    radii_mm, orders: of each branch.
    thickest: rows of the table of branches, the thickest first.
    cycles: rows of the table of cycles and contacts; cycles_kept: whether they were left as they are.
    pieces: a row for each tree but the first. joins: a row for each piece that was hung on another across a gap.
    notes: a line each.
    """

    geometry: str
    coordinates: str
    summary: Mapping[str, Any]
    paints: tuple[Paint, ...]
    scene: Mapping[str, Any] | None
    plan: str
    diagram: str
    radii_mm: tuple[float, ...]
    orders: tuple[int, ...]
    thickest: tuple[Row, ...]
    cycles: tuple[Row, ...]
    cycles_kept: bool
    pieces: tuple[Row, ...]
    joins: tuple[Row, ...]
    notes: tuple[str, ...]


def view_tree(tree: VesselTree, settings: TreePageSettings) -> TreeView:
    """Look at an analysed mask."""
    rows, paints = tree.branch_rows, paints_of(tree)
    shape = " × ".join(str(size) for size in tree.place.shape)
    spacing = " × ".join(f"{size:.3g}" for size in tree.place.spacing_mm)
    return TreeView(
        geometry=f"{shape} {'voxels' if tree.place.ndim == 3 else 'pixels'} of {spacing} mm",
        coordinates=tree.settings.coordinates.upper(),
        summary=tree.summary,
        paints=paints,
        scene=tree_scene(tree, paints, settings.triangles) if settings.surfaces else None,
        plan=plan(tree, paints),
        diagram=tree_diagram(rows, paints),
        radii_mm=tuple(row["radius_mm"] for row in rows),
        orders=tuple(row["strahler_order"] for row in rows),
        thickest=tuple(sorted(rows, key=lambda row: -row["radius_mm"])[: settings.branches]),
        cycles=tuple(tree.cycles),
        cycles_kept=tree.settings.keep_cycles,
        pieces=tuple(pieces_of(rows, tree.node_rows)),
        joins=tuple(_join(row) for row in rows if row["parent"] is not None and row["gap_mm"] > 0),
        notes=tree.notes,
    )


def pieces_of(branches: Sequence[Row], nodes: Sequence[Row]) -> list[Row]:
    """A row for each tree but the first: its number, branches, length, largest radius and the place of its root."""
    found: dict[int, Row] = {}
    places = {row["node"]: {f"{axis}_mm": row[f"{axis}_mm"] for axis in "xyz" if f"{axis}_mm" in row} for row in nodes}
    for row in branches:
        its = found.setdefault(
            row["tree"], {"tree": row["tree"], "branches": 0, "length_mm": 0.0, "largest_radius_mm": 0.0}
        )
        its["branches"] += 1
        its["length_mm"] += row["length_mm"]
        its["largest_radius_mm"] = max(its["largest_radius_mm"], row["radius_mm"])
        if row["parent"] is None:
            its |= places[row["start_node"]]
    return [found[number] for number in sorted(found)][1:]


def _join(row: Row) -> Row:
    return {name: row[name] for name in ("branch", "parent", "gap_mm", "radius_mm")}

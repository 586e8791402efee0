"""Centrelines with their radii as VTP, SWC and GraphML, each file saying in which coordinates it is.

VTP (VTK's XML PolyData) opens in ParaView, 3D Slicer and VMTK, which look for the radius under the name
`MaximumInscribedSphereRadius`. SWC is a tree of points, so loops are cut. GraphML is the graph of junctions and ends.
"""

import base64
import struct
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from ramify.report.centreline_network import CentrelineNetwork

VMTK_RADIUS = "MaximumInscribedSphereRadius"
_VTK_TYPES = {"f": "Float64", "i": "Int64"}
_UNDEFINED = 0  # SWC's kind of a point that is neither soma, axon nor dendrite


def to_vtp(network: CentrelineNetwork) -> str:
    """A polyline a branch, radii at the points; number, length, median radius and scale of the branches, and what else
    the network has of them.

    The field data `SPACE` says LPS or RAS, as 3D Slicer reads it, and `UNIT` mm.
    """
    root = ElementTree.Element(
        "VTKFile", type="PolyData", version="1.0", byte_order="LittleEndian", header_type="UInt64"
    )
    data = ElementTree.SubElement(root, "PolyData")
    field = ElementTree.SubElement(data, "FieldData")
    _add_text(field, "SPACE", network.space.upper())
    _add_text(field, "UNIT", "mm")
    # VTK numbers points without a line before the lines.
    alone = [index for index, line in enumerate(network.lines) if len(line) == 1]
    lines = [index for index, line in enumerate(network.lines) if len(line) > 1]
    order = np.array([*alone, *lines], dtype=np.int64)
    piece = ElementTree.SubElement(
        data,
        "Piece",
        NumberOfPoints=str(len(network.points_mm)),
        NumberOfVerts=str(len(alone)),
        NumberOfLines=str(len(lines)),
        NumberOfStrips="0",
        NumberOfPolys="0",
    )
    at_points = ElementTree.SubElement(piece, "PointData", Scalars=VMTK_RADIUS)
    _add_array(at_points, VMTK_RADIUS, network.radii_mm)
    of_lines = ElementTree.SubElement(piece, "CellData")
    _add_array(of_lines, "BranchId", network.branches[order])
    _add_array(of_lines, "Length", network.lengths_mm[order])
    _add_array(of_lines, "MedianRadius", network.line_radii_mm[order])
    _add_array(of_lines, "Scale", network.scales[order])
    for name, values in network.of_lines.items():
        _add_array(of_lines, name, values[order])
    _add_array(ElementTree.SubElement(piece, "Points"), "Points", network.points_mm)
    for name, chosen in (("Verts", alone), ("Lines", lines)):
        _add_cells(ElementTree.SubElement(piece, name), [network.lines[index] for index in chosen])
    return _as_text(root)


def _add_cells(parent: ElementTree.Element, cells: Sequence[NDArray[np.int64]]) -> None:
    _add_array(parent, "connectivity", np.concatenate(cells) if cells else np.empty(0, np.int64))
    _add_array(parent, "offsets", np.cumsum([len(cell) for cell in cells], dtype=np.int64))


def _add_array(parent: ElementTree.Element, name: str, array: NDArray[Any]) -> None:
    """Numbers as VTK has them inline: their bytes and, before them, how many bytes these are, in base64."""
    content = array.astype(array.dtype.newbyteorder("<")).tobytes()
    attributes = {"type": _VTK_TYPES[array.dtype.kind], "Name": name, "format": "binary"}
    if array.ndim == 2:
        attributes["NumberOfComponents"] = str(array.shape[1])
    element = ElementTree.SubElement(parent, "DataArray", attributes)
    element.text = base64.b64encode(struct.pack("<Q", len(content)) + content).decode("ascii")


def _add_text(parent: ElementTree.Element, name: str, text: str) -> None:
    """A text as VTK has it: the codes of its letters, and 0 at the end."""
    attributes = {"type": "String", "Name": name, "NumberOfTuples": "1", "format": "ascii"}
    element = ElementTree.SubElement(parent, "Array", attributes)
    element.text = " ".join(str(code) for code in [*text.encode("ascii"), 0])


def to_swc(network: CentrelineNetwork) -> str:
    """A point a line: number, kind, x, y, z, radius, and the number of the point before it, -1 for a root.

    Each piece hangs on its root, or without one on its thickest end. Where a piece has loops, each is cut between two
    points, and a comment counts the cuts. SWC came up for neurons in micrometres: here all lengths are millimetres.
    """
    order, parents, cuts = _as_tree(network)
    lines = [
        "# Ramify centrelines",
        f"# SPACE={network.space.upper()} UNIT=mm",
        f"# loops cut: {cuts}",
        "# number kind x y z radius parent",
    ]
    for number, (point, parent) in enumerate(zip(order, parents, strict=True), start=1):
        x, y, z = network.points_mm[point]
        lines.append(f"{number} {_UNDEFINED} {x:.6f} {y:.6f} {z:.6f} {network.radii_mm[point]:.6f} {parent}")
    return "\n".join(lines) + "\n"


def _as_tree(network: CentrelineNetwork) -> tuple[list[int], list[int], int]:
    """Points from the roots outwards, the number (from 1) of the one before each or -1, and how many loops were cut."""
    count = len(network.points_mm)
    segments = np.unique(np.sort(network.segments(), axis=1), axis=0)
    links = coo_array((np.ones(len(segments)), (segments[:, 0], segments[:, 1])), shape=(count, count)).tocsr()
    n_pieces, piece = connected_components(links, directed=False) if count else (0, np.empty(0, np.int64))
    neighbours = np.bincount(segments.ravel(), minlength=count)
    # Given roots before ends, these before other points, thick ones before thin ones: the first of each piece is its
    # root.
    given = np.isin(np.arange(count), network.roots)
    ranked = np.lexsort((-network.radii_mm, neighbours > 1, ~given))
    roots = ranked[np.unique(piece[ranked], return_index=True)[1]]
    # All pieces at once, from a point beyond the others that leads to all roots: one by one, each would take as long as
    # there are points. Then piece by piece.
    first, second = (np.append(segments[:, 0], np.full(len(roots), count)), np.append(segments[:, 1], roots))
    links = coo_array((np.ones(len(first)), (first, second)), shape=(count + 1, count + 1)).tocsr()
    found, before = breadth_first_order(links, count, directed=False)
    found = found[1:]
    order = found[np.argsort(piece[found], kind="stable")]
    number_of = np.full(count + 1, -1, dtype=np.int64)
    number_of[order] = 1 + np.arange(count)
    return order.tolist(), number_of[before[order]].tolist(), len(segments) - (count - n_pieces)


def to_graphml(network: CentrelineNetwork) -> str:
    """Junctions and ends as nodes with x, y, z and radius, branches as edges with number, length, median radius, scale.

    Two nodes may be joined by several edges, and a loop joins a node to itself.
    """
    root = ElementTree.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    keys = {
        "graph": ("SPACE", "UNIT"),
        "node": ("x", "y", "z", "radius_mm"),
        "edge": ("length_mm", "radius_mm", "branch", "scale", *network.of_lines),
    }
    whole = ("branch", "scale", *network.of_lines)
    names: dict[tuple[str, str], str] = {}
    for owner, attributes in keys.items():
        for attribute in attributes:
            names[owner, attribute] = f"d{len(names)}"
            kind = "string" if owner == "graph" else "long" if attribute in whole else "double"
            entry = {"id": names[owner, attribute], "for": owner, "attr.name": attribute, "attr.type": kind}
            ElementTree.SubElement(root, "key", entry)

    def describe(element: ElementTree.Element, owner: str, *values: object) -> None:
        for attribute, value in zip(keys[owner], values, strict=True):
            ElementTree.SubElement(element, "data", key=names[owner, attribute]).text = str(value)

    graph = ElementTree.SubElement(root, "graph", id="centrelines", edgedefault="undirected")
    describe(graph, "graph", network.space.upper(), "mm")
    for node in range(network.n_nodes):
        place = [float(value) for value in network.points_mm[node]]
        describe(ElementTree.SubElement(graph, "node", id=f"n{node}"), "node", *place, float(network.radii_mm[node]))
    for number, line in enumerate(network.lines):
        if len(line) == 1:
            continue
        ends = {"id": f"e{number}", "source": f"n{line[0]}", "target": f"n{line[-1]}"}
        values: list[object] = [float(network.lengths_mm[number]), float(network.line_radii_mm[number])]
        values += [int(network.branches[number]), int(network.scales[number])]
        values += [int(its[number]) for its in network.of_lines.values()]
        describe(ElementTree.SubElement(graph, "edge", ends), "edge", *values)
    return _as_text(root)


def _as_text(root: ElementTree.Element) -> str:
    ElementTree.indent(root, space=" ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'

"""Surfaces as STL, PLY and GLB, each file saying in its header in which coordinates it is.

STL and PLY hold millimetres as `report.surfaces` has them; 3D Slicer reads the SPACE in their headers, ITK-SNAP, VMTK,
MeshLab and ParaView take the numbers as they are. GLB follows glTF 2.0, whose unit is the metre and whose y points
up: its points are the same millimetres, and the node above them turns and shrinks them.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.drawing.colours import Colour
from ramify.report.settings import Space
from ramify.report.surfaces import Surface

_FLOAT, _UNSIGNED, _POINT_BUFFER, _INDEX_BUFFER = 5126, 5125, 34962, 34963


@dataclass(frozen=True)
class Paint:
    """Colour of a surface: red, green, blue and opacity, each 0 to 1, as a screen shows them (sRGB)."""

    red: float
    green: float
    blue: float
    opacity: float = 1.0

    @classmethod
    def of(cls, colour: Colour, opacity: float = 1.0) -> "Paint":
        """One of the colours of figures."""
        red, green, blue = (channel / 255 for channel in colour)
        return cls(red, green, blue, opacity)

    def linear(self) -> list[float]:
        """The colour in light, as glTF counts it (sRGB's transfer function undone)."""
        colour = np.array([self.red, self.green, self.blue])
        light = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
        return [*light.round(6).tolist(), self.opacity]


def to_stl(surface: Surface, space: Space) -> bytes:
    """Binary STL: a header of 80 bytes with `SPACE=LPS` (or RAS) and `UNIT=mm`, then a normal and a triangle each."""
    # A reader takes a file that begins with "solid" for the other, textual STL.
    header = f"Ramify surface SPACE={space.upper()} UNIT=mm".encode("ascii").ljust(80)
    corners = surface.points[surface.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    records = np.zeros(len(corners), [("vectors", "<f4", (4, 3)), ("attribute", "<u2")])
    records["vectors"][:, 0] = normals / np.where(length > 0, length, 1)
    records["vectors"][:, 1:] = corners
    return header + struct.pack("<I", len(corners)) + records.tobytes()


def to_ply(surface: Surface, space: Space, paint: Paint, branches: NDArray[np.integer]) -> bytes:
    """Binary PLY with points, one colour for all of them, and triangles; comments say `SPACE=LPS` and `UNIT=mm`.

    branches: int (N,), of each point the number of its branch, the points' property `branch`.
    """
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"comment Ramify surface\ncomment SPACE={space.upper()}\ncomment UNIT=mm\n"
        f"element vertex {len(surface.points)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nproperty int branch\n"
        f"element face {len(surface.triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    points = np.zeros(len(surface.points), [("place", "<f4", 3), ("colour", "u1", 3), ("branch", "<i4")])
    points["place"] = surface.points
    points["colour"] = np.round(255 * np.array([paint.red, paint.green, paint.blue]))
    points["branch"] = branches
    faces = np.zeros(len(surface.triangles), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, surface.triangles
    return header.encode("ascii") + points.tobytes() + faces.tobytes()


def to_glb(surfaces: Mapping[str, tuple[Surface, Paint]], space: Space) -> bytes:
    """Binary glTF 2.0 with a mesh a surface, by name and in colour.

    The points are millimetres in the patient, as `extras` say; the root node takes them to metres with y up and the
    patient's face to the viewer (+z), as glTF wants it. A reader that ignores nodes has the patient's coordinates.
    """
    nodes: list[dict[str, Any]] = [{"name": "patient", "matrix": _upright(space), "children": []}]
    parts: dict[str, list[dict[str, Any]]] = {"meshes": [], "materials": [], "accessors": [], "bufferViews": []}
    binary = bytearray()
    for name, (surface, paint) in surfaces.items():
        if not len(surface.triangles):
            continue  # glTF has no empty meshes
        nodes[0]["children"].append(len(nodes))
        nodes.append({"name": name, "mesh": len(parts["meshes"])})
        parts["meshes"].append(_mesh(name, surface, parts, binary))
        parts["materials"].append(_material(name, paint))
    if not nodes[0]["children"]:
        del nodes[0]["children"]
    content: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Ramify", "extras": {"SPACE": space.upper(), "UNIT": "mm"}},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": nodes,
        **{key: value for key, value in parts.items() if value},
    }
    if binary:
        content["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(content, separators=(",", ":")).encode()
    chunks = _chunk(b"JSON", text, b" ") + (_chunk(b"BIN\0", bytes(binary), b"\0") if binary else b"")
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _upright(space: Space) -> list[float]:
    """From millimetres in the patient to metres with y up and z forward, a 4 x 4 matrix column by column."""
    side = 1.0 if space == "lps" else -1.0
    # glTF's x is the patient's left, y the head, z the front.
    turned = np.array([[side, 0, 0], [0, 0, 1], [0, -side, 0]])
    matrix = np.eye(4)
    matrix[:3, :3] = turned / 1000
    return matrix.T.ravel().tolist()


def _mesh(name: str, surface: Surface, parts: dict[str, list[dict[str, Any]]], binary: bytearray) -> dict[str, Any]:
    """Append a surface's numbers to the buffer and describe them."""
    points, first = surface.points.astype("<f4"), len(parts["accessors"])
    arrays = (
        (points, "VEC3", _FLOAT, _POINT_BUFFER),
        (surface.normals().astype("<f4"), "VEC3", _FLOAT, _POINT_BUFFER),
        (surface.triangles.astype("<u4").ravel(), "SCALAR", _UNSIGNED, _INDEX_BUFFER),
    )
    for array, kind, number, target in arrays:
        view = {"buffer": 0, "byteOffset": len(binary), "byteLength": array.nbytes, "target": target}
        accessor = {"bufferView": len(parts["bufferViews"]), "componentType": number, "count": len(array), "type": kind}
        parts["bufferViews"].append(view)
        parts["accessors"].append(accessor)
        binary += array.tobytes()
    parts["accessors"][first] |= {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
    attributes = {"POSITION": first, "NORMAL": first + 1}
    material = len(parts["materials"])
    return {"name": name, "primitives": [{"attributes": attributes, "indices": first + 2, "material": material}]}


def _material(name: str, paint: Paint) -> dict[str, Any]:
    looks = {"baseColorFactor": paint.linear(), "metallicFactor": 0.0, "roughnessFactor": 0.7}
    material: dict[str, Any] = {"name": name, "pbrMetallicRoughness": looks, "doubleSided": True}
    return material | ({"alphaMode": "BLEND"} if paint.opacity < 1 else {})


def _chunk(kind: bytes, content: bytes, filler: bytes) -> bytes:
    padded = content + filler * (-len(content) % 4)
    return struct.pack("<I4s", len(padded), kind) + padded

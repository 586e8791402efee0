"""Files are read back by trimesh, which shares nothing with the writers."""

import io
import json
import struct
from typing import Any

import numpy as np
import pytest
import trimesh

from ramify.report.surface_files import Paint, to_glb, to_ply, to_stl
from ramify.report.surfaces import Surface, extract_surface
from tests.report.drawn_cases import fork, oblique

RED, GLASS = Paint(1.0, 0.25, 0.0), Paint(0.5, 0.5, 0.5, 0.35)


@pytest.fixture(scope="module")
def surface() -> Surface:
    mask = fork()
    return extract_surface(mask, oblique(mask))


def load(content: bytes, form: str) -> Any:
    return trimesh.load(io.BytesIO(content), file_type=form, force="mesh", process=False)


def test_stl_holds_the_triangles_where_they_are(surface):
    content = to_stl(surface, "lps")
    assert b"SPACE=LPS" in content[:80]
    assert b"UNIT=mm" in content[:80]
    assert not content.startswith(b"solid")
    assert len(content) == 84 + 50 * len(surface.triangles)
    read = trimesh.load(io.BytesIO(content), file_type="stl")
    np.testing.assert_allclose(read.triangles, surface.points[surface.triangles], atol=1e-4)
    assert read.is_watertight
    assert read.volume == pytest.approx(surface.volume_mm3(), rel=1e-4)
    # The normals in the file are those of the corners' order.
    stored = np.frombuffer(content[84:], [("vectors", "<f4", (4, 3)), ("attribute", "<u2")])["vectors"][:, 0]
    np.testing.assert_allclose(stored, read.face_normals, atol=1e-3)
    assert b"SPACE=RAS" in to_stl(surface, "ras")[:80]


def test_ply_holds_points_triangles_colour_and_branches(surface):
    branches = np.arange(len(surface.points)) % 7
    content = to_ply(surface, "ras", RED, branches)
    header = content[: content.index(b"end_header")].decode("ascii")
    assert "comment SPACE=RAS\ncomment UNIT=mm\n" in header
    read = load(content, "ply")
    np.testing.assert_allclose(read.vertices, surface.points, atol=1e-4)
    np.testing.assert_array_equal(read.faces, surface.triangles)
    assert (read.visual.vertex_colors == [255, 64, 0, 255]).all()
    stored = read.metadata["_ply_raw"]["vertex"]["data"]["branch"]
    np.testing.assert_array_equal(np.ravel(stored), branches)


@pytest.mark.parametrize("space", ["lps", "ras"])
def test_glb_stands_upright_in_metres_and_keeps_patient_coordinates(surface, space):
    patient = surface if space == "lps" else Surface(surface.points * [-1, -1, 1], surface.triangles)
    scene = trimesh.load(
        io.BytesIO(to_glb({"truth": (patient, GLASS), "missed": (patient, RED)}, space)), file_type="glb"
    )
    assert set(scene.geometry) == {"truth", "missed"}
    for name, paint in (("truth", GLASS), ("missed", RED)):
        mesh = scene.geometry[name]
        np.testing.assert_allclose(mesh.vertices, patient.points, atol=1e-4)
        np.testing.assert_array_equal(mesh.faces, patient.triangles)
        np.testing.assert_allclose(
            mesh.visual.material.baseColorFactor, np.round(255 * np.array(paint.linear())), atol=1
        )
        assert mesh.visual.material.alphaMode == ("BLEND" if paint.opacity < 1 else None)
    # Whatever the space, x is the patient's left, y the head, z the front, all in metres.
    left, back, head = surface.points.T
    upright = np.stack([left, head, -back], axis=1) / 1000
    shown = scene.to_geometry().vertices[: len(upright)]
    np.testing.assert_allclose(shown, upright, atol=1e-6)
    assert scene.to_geometry().volume > 0


def test_glb_says_what_its_numbers_are(surface):
    content = to_glb({"truth": (surface, GLASS)}, "lps")
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert (size % 4, kind) == (0, b"JSON")
    described = json.loads(content[20 : 20 + size])
    assert described["asset"]["extras"] == {"SPACE": "LPS", "UNIT": "mm"}
    accessor = described["accessors"][0]
    np.testing.assert_allclose(accessor["min"], surface.points.min(axis=0), atol=1e-4)
    np.testing.assert_allclose(accessor["max"], surface.points.max(axis=0), atol=1e-4)
    for view in described["bufferViews"]:
        assert view["byteOffset"] % 4 == 0


def test_colours_are_light_in_glb():
    """sRGB's middle grey is a fifth of the light; black and white are what they are."""
    assert Paint(0.5, 0.0, 1.0, 0.25).linear() == pytest.approx([0.214041, 0.0, 1.0, 0.25], abs=1e-6)


def test_nothing_is_a_valid_file_too():
    nothing = Surface(np.empty((0, 3)), np.empty((0, 3), np.int32))
    assert len(to_stl(nothing, "lps")) == 84
    assert to_ply(nothing, "lps", RED, np.empty(0, np.int64)).endswith(b"end_header\n")
    content = to_glb({"missed": (nothing, RED)}, "lps")
    size = struct.unpack_from("<I", content, 12)[0]
    described = json.loads(content[20 : 20 + size])
    assert "meshes" not in described
    assert "buffers" not in described

import base64
import zlib

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.drawing.colours import AGREEING, EXTRA, MISSED, as_hex, scale_colours
from ramify.report.mesh_packing import STEPS, pack_surface
from ramify.report.scene import build_scene
from ramify.report.surfaces import Surface, extract_surface
from tests.report.drawn_cases import SPACING, analysed, fork, fork_2d, oblique, without_left_arm


def unpacked(packed: dict) -> tuple[np.ndarray, np.ndarray]:
    """What report/viewer.js makes of it: points in steps of the cube, and triangles."""

    def numbers(text: str, width: int) -> np.ndarray:
        planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(width, -1)
        return planes.T.astype(np.int64) @ 256 ** np.arange(width)

    codes = numbers(packed["points"], 3).reshape(3, -1)
    points = np.cumsum(np.where(codes & 1, -(codes + 1) // 2, codes // 2), axis=1).T
    known, corners = 0, []
    for behind in numbers(packed["triangles"], 4).tolist():
        corners.append(known - behind)
        known += behind == 0
    return points, np.array(corners).reshape(-1, 3)


def corners_of(surface: Surface) -> np.ndarray:
    return surface.points[surface.triangles]


def test_packing_loses_less_than_a_step():
    mask = fork()
    surface = extract_surface(mask, oblique(mask))
    lowest, extent = surface.points.min(axis=0), float(np.ptp(surface.points, axis=0).max())
    packed = pack_surface(surface, lowest, extent)
    points, triangles = unpacked(packed)
    assert (packed["n_points"], packed["n_triangles"]) == (len(points), len(triangles))
    restored = points * extent / STEPS + lowest
    np.testing.assert_allclose(restored[triangles], corners_of(surface), atol=0.51 * extent / STEPS)
    assert len(packed["points"] + packed["triangles"]) < 0.5 * (surface.points.nbytes + surface.triangles.nbytes)


def test_packing_drops_points_that_no_triangle_has():
    points = np.array([[9.0, 9, 9], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    surface = Surface(points, np.array([[4, 1, 2], [2, 3, 4]], np.int32))
    found, triangles = unpacked(pack_surface(surface, np.zeros(3), 1.0))
    np.testing.assert_array_equal(found[triangles], corners_of(surface) * STEPS)
    assert len(found) == 4


@pytest.fixture(scope="module")
def scene() -> dict:
    truth = fork()
    prediction = without_left_arm(truth)
    prediction[2, 2:6, 2:29] = True
    found = build_scene(analysed(prediction), analysed(truth), oblique(truth), 5000)
    assert found is not None
    return found


def test_layers_hold_each_triangle_once(scene):
    names = {layer["name"]: layer for layer in scene["layers"]}
    assert list(names) == ["prediction", "extra", "missed", "truth by scale"]
    assert [layer["shown"] for layer in scene["layers"]] == [True, True, True, False]
    for layers, surface in ((("prediction", "extra"), 0), (("truth by scale",), 1)):
        parts = [part for name in layers for part in names[name]["parts"]]
        held = np.concatenate([np.arange(part["first"], part["first"] + part["count"]) for part in parts])
        np.testing.assert_array_equal(np.sort(held), np.arange(scene["surfaces"][surface]["n_triangles"]))
        assert {part["surface"] for part in parts} == {surface}
    colours = {part["colour"] for part in names["truth by scale"]["parts"]}
    assert colours == {as_hex(colour) for colour in scale_colours(3)}
    shown = {layer: names[layer]["parts"][0]["colour"] for layer in ("prediction", "extra", "missed")}
    assert shown == {"prediction": as_hex(AGREEING), "extra": as_hex(EXTRA), "missed": as_hex(MISSED)}


def test_missed_and_extra_are_where_they_are(scene):
    """The left arm of the truth, and the prediction's false vessel, by their places in the volume."""
    truth = fork()
    matrix, offset = oblique(truth).affine()
    names = {layer["name"]: layer for layer in scene["layers"]}

    def indices(layer: str) -> np.ndarray:
        found = []
        for part in names[layer]["parts"]:
            points, triangles = unpacked(scene["surfaces"][part["surface"]])
            found.append(points[triangles[part["first"] : part["first"] + part["count"]]].mean(axis=1))
        cube = np.concatenate(found) / STEPS * scene["extent_mm"]
        return cube

    both = [extract_surface(mask, oblique(truth)).points for mask in (truth, without_left_arm(truth))]
    false = np.zeros_like(truth)
    false[2, 2:6, 2:29] = True
    lowest = np.min([one.min(axis=0) for one in (*both, extract_surface(false, oblique(truth)).points)], axis=0)

    def voxels(layer: str) -> np.ndarray:
        world = (indices(layer) + lowest)[:, ::-1]
        return (world - offset) @ np.linalg.inv(matrix).T

    # Smoothing moves ends by less than a voxel.
    missed, extra = voxels("missed"), voxels("extra")
    assert len(missed) > 20
    assert missed[:, 2].max() < 11.5
    assert missed[:, 1].min() > 24
    assert len(extra) > 20
    assert extra[:, 0].max() < 4
    assert extra[:, 1].max() < 8


def test_budget_and_what_has_no_scene():
    truth = fork()
    scene = build_scene(analysed(truth), analysed(truth), oblique(truth), 300)
    assert scene is not None
    assert all(surface["n_triangles"] <= 300 for surface in scene["surfaces"])
    nothing = np.zeros_like(truth)
    assert build_scene(analysed(nothing), analysed(nothing), oblique(truth), 300) is None
    plane = fork_2d()
    pair = analysed(plane, (1.0, 1.0)), analysed(plane, (1.0, 1.0))
    assert build_scene(*pair, Volume(plane, (1.0, 1.0)), 300) is None


def test_with_one_mask_empty_the_other_is_shown():
    truth, place = fork(), Volume(fork(), SPACING)
    nothing = np.zeros_like(truth)
    missed = build_scene(analysed(nothing), analysed(truth), place, 2000)
    assert missed is not None
    assert {layer["name"]: layer["shown"] for layer in missed["layers"]} == {"missed": True, "truth by scale": True}
    invented = build_scene(analysed(truth), analysed(nothing), place, 2000)
    assert invented is not None
    assert {layer["name"]: layer["shown"] for layer in invented["layers"]} == {"prediction": True, "extra": True}

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ramify.data.volume import Volume
from ramify.report.surfaces import extract_surface, patient_points, smoothed
from tests.report.drawn_cases import OBLIQUE, ORIGIN, SPACING, fork, oblique, turned

# Mirrored and turned grids: in half of them, array axes are left-handed.
PLACES = [turned((0, 0, 0)), turned((0, 0, 0), True), OBLIQUE, turned((20.0, -35.0, 50.0), True)]


@pytest.mark.parametrize("direction", PLACES)
def test_one_voxel_is_an_octahedron_around_its_centre(direction):
    """Half-way to each face neighbour, that is half a spacing from the centre along each axis of the grid."""
    mask = np.zeros((4, 5, 6), dtype=bool)
    voxel = (2, 1, 3)
    mask[voxel] = True
    place = oblique(mask, direction)
    surface = extract_surface(mask, place)
    centre = place.world_mm([voxel])[0]
    axes = np.array(direction) * np.array(SPACING) / 2
    expected = np.concatenate([centre + axes.T, centre - axes.T])[:, ::-1]
    found = surface.points[np.lexsort(surface.points.T)]
    np.testing.assert_allclose(found, expected[np.lexsort(expected.T)], atol=1e-5)
    assert surface.volume_mm3() == pytest.approx(np.prod(SPACING) / 6, rel=1e-5)


@pytest.mark.parametrize("direction", PLACES)
def test_a_box_keeps_its_volume_and_faces_outwards(direction):
    mask = np.zeros((10, 12, 14), dtype=bool)
    mask[2:8, 3:9, 4:12] = True
    surface = extract_surface(mask, oblique(mask, direction))
    # The planes lie between voxels; only edges and corners are cut.
    whole = 6 * 6 * 8 * np.prod(SPACING)
    assert 0.9 * whole < surface.volume_mm3() < whole
    outwards = surface.points - surface.points.mean(axis=0)
    assert (np.einsum("ij,ij->i", surface.normals(), outwards) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(surface.normals(), axis=1), 1)


def test_ras_is_lps_turned_by_half_about_the_long_axis():
    mask = fork()
    lps, ras = (extract_surface(mask, oblique(mask), space) for space in ("lps", "ras"))
    # Where the triangles go does not hang on the space, and a half turn leaves outside outside.
    np.testing.assert_allclose(ras.points, lps.points * [-1, -1, 1])
    assert ras.volume_mm3() == pytest.approx(lps.volume_mm3())


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_every_edge_is_shared_once_in_each_direction(seed, density):
    """Closed, whatever the mask, and up to the volume's border too."""
    mask = np.random.default_rng(seed).random((5, 6, 4)) < density
    surface = extract_surface(mask, Volume(mask, SPACING))
    edges = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    there = edges[np.lexsort(edges.T)]
    back = edges[:, ::-1][np.lexsort(edges[:, ::-1].T)]
    np.testing.assert_array_equal(there, back)
    assert mask.any() == (surface.volume_mm3() > 0)


def test_a_vessel_that_leaves_the_volume_ends_half_a_voxel_on():
    mask = np.zeros((5, 5, 8), dtype=bool)
    mask[2, 2, :] = True
    points = extract_surface(mask, Volume(mask, (1.0, 1.0, 1.0))).points
    assert (points[:, 0].min(), points[:, 0].max()) == (-0.5, 7.5)


def test_points_of_an_image_have_no_height():
    place = Volume(np.zeros((3, 4), bool), (2.0, 3.0), (5.0, 7.0))
    np.testing.assert_allclose(patient_points(place, np.array([[0, 0], [1, 2]]), "lps"), [[7, 5, 0], [13, 7, 0]])


def test_smoothing_takes_the_staircase_and_leaves_the_volume():
    mask = np.zeros((24, 24, 24), dtype=bool)
    radius = np.linalg.norm(np.indices(mask.shape) - 11.5, axis=0)
    mask[radius < 9] = True
    rough = extract_surface(mask, Volume(mask, (1.0, 1.0, 1.0)))
    smooth = smoothed(rough, 10)
    away = [np.linalg.norm(one.points - 11.5, axis=1).std() for one in (rough, smooth)]
    assert away[1] < away[0] / 2
    assert smooth.volume_mm3() == pytest.approx(rough.volume_mm3(), rel=0.03)
    assert smoothed(rough, 0) is rough


def test_nothing_has_no_surface_and_a_plane_none_either():
    empty = np.zeros((4, 4, 4), dtype=bool)
    surface = extract_surface(empty, Volume(empty, SPACING))
    assert len(surface.points) == len(surface.triangles) == 0
    assert smoothed(surface, 3) is surface
    plane = np.ones((4, 4), dtype=bool)
    with pytest.raises(ValueError, match="three dimensions"):
        extract_surface(plane, Volume(plane, (1.0, 1.0)))
    with pytest.raises(ValueError, match=r"expected a mask of shape \(4, 4, 4\)"):
        extract_surface(empty[1:], Volume(empty, SPACING, ORIGIN))

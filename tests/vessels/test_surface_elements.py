import itertools
import math
import warnings

import numpy as np
import pytest
from scipy import ndimage

from ramify.metrics.masks import Mask
from ramify.vessels.octants import boundary_corners
from ramify.vessels.surface_elements import element_areas_mm

SPACINGS = {2: (2.0, 0.7), 3: (2.0, 0.7, 1.3)}


def area(mask: Mask, spacing_mm: tuple[float, ...]) -> float:
    return float(element_areas_mm(spacing_mm)[boundary_corners(mask).codes].sum())


def code(*corners: tuple[int, ...]) -> int:
    """Code of the octant in which these voxels are foreground."""
    return sum(1 << sum(side << bit for bit, side in enumerate(reversed(corner))) for corner in corners)


def test_planes_between_voxels():
    areas = element_areas_mm((2.0, 0.7, 1.3))
    for axis, expected in enumerate((0.7 * 1.3, 2.0 * 1.3, 2.0 * 0.7)):
        half = [corner for corner in itertools.product((0, 1), repeat=3) if corner[axis] == 0]
        assert areas[code(*half)] == pytest.approx(expected)


def test_one_voxel_is_cut_off_by_a_triangle_and_two_by_a_rectangle():
    areas = element_areas_mm((1.0, 1.0, 1.0))
    # Vertices half a voxel away along each axis: an equilateral triangle with sides of sqrt(1/2).
    assert areas[code((0, 0, 0))] == pytest.approx(math.sqrt(3) / 8)
    assert areas[code((0, 0, 0), (0, 0, 1))] == pytest.approx(math.sqrt(2) / 2)
    # Far apart, each has its own triangle, and so have two on the diagonal of a face.
    assert areas[code((0, 0, 0), (1, 1, 1))] == pytest.approx(math.sqrt(3) / 4)
    assert areas[code((0, 0, 0), (0, 1, 1))] == pytest.approx(math.sqrt(3) / 4)


def test_contours():
    areas = element_areas_mm((2.0, 0.7))
    assert areas[code((0, 0), (0, 1))] == pytest.approx(0.7)
    assert areas[code((0, 0), (1, 0))] == pytest.approx(2.0)
    assert areas[code((0, 0))] == pytest.approx(math.hypot(2.0, 0.7) / 2)
    assert areas[code((0, 0), (1, 1))] == pytest.approx(math.hypot(2.0, 0.7))


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_mask_and_its_complement_have_one_surface(ndim: int):
    areas = element_areas_mm(SPACINGS[ndim])
    assert areas == pytest.approx(areas[::-1])
    assert areas[0] == areas[-1] == 0
    assert (areas[1:-1] > 0).all()


@pytest.mark.parametrize("ndim", [2, 3])
def test_turning_and_mirroring_an_octant_turns_its_area(ndim: int):
    corners = list(itertools.product((0, 1), repeat=ndim))
    areas = element_areas_mm(SPACINGS[ndim])
    for order in itertools.permutations(range(ndim)):
        turned = element_areas_mm(tuple(SPACINGS[ndim][axis] for axis in order))
        for flips in itertools.product((0, 1), repeat=ndim):
            for one in range(len(areas)):
                inside = [corner for bit, corner in enumerate(corners) if one >> bit & 1]
                other = [tuple(corner[axis] ^ flip for axis, flip in zip(order, flips)) for corner in inside]
                assert turned[code(*other)] == pytest.approx(areas[one])


def test_a_box_has_the_area_of_a_box_with_its_edges_cut():
    mask = np.ones((6, 8, 10), dtype=bool)
    # Cut at 45 degrees half a voxel from each edge: faces lose that much, edges gain a rectangle, corners a triangle.
    faces = 2 * (5 * 7 + 5 * 9 + 7 * 9)
    edges = 4 * (5 + 7 + 9) * math.sqrt(2) / 2
    assert area(mask, (1.0, 1.0, 1.0)) == pytest.approx(faces + edges + 8 * math.sqrt(3) / 8)


def test_a_disc_has_nearly_the_length_of_a_circle():
    """Steps of 45 degrees are too long by up to 8 %: the known error of binary marching squares."""
    disc = np.hypot(*np.mgrid[-40:41, -40:41]) <= 35
    assert area(disc, (0.5, 0.5)) / (2 * math.pi * 17.5) == pytest.approx(1.055, abs=0.01)


def test_a_ball_has_the_area_of_scikit_images_marching_cubes():
    """Theirs resolves cuts that do not lie in a plane in other ways: on a ball that is less than a hundredth."""
    measure = pytest.importorskip("skimage.measure")
    ball = sum(np.square(axis) for axis in np.ogrid[-9:10, -9:10, -9:10]) <= 49
    smooth = ndimage.binary_opening(ball)
    vertices, faces, *_ = measure.marching_cubes(smooth.astype(np.float32), 0.5, spacing=SPACINGS[3], method="lorensen")
    expected = measure.mesh_surface_area(vertices, faces)
    assert area(smooth, SPACINGS[3]) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.7, 1.1), (0.3, 4.0, 0.9)])
def test_all_codes_are_those_of_deepminds_table_as_monai_has_it(spacing: tuple[float, ...]):
    """All 256 codes of theirs; which bit is which corner is told by their kernel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics.utils")
        table, kernel = monai.create_table_neighbour_code_to_surface_area(spacing, device=torch.device("cpu"))
    weights = np.asarray(kernel).reshape(2, 2, 2).astype(int)
    theirs = np.asarray(table, dtype=np.float64)
    ours = element_areas_mm(spacing)
    corners = list(itertools.product((0, 1), repeat=3))
    for one in range(256):
        their_code = sum(weights[corner] for bit, corner in enumerate(corners) if one >> bit & 1)
        assert ours[one] == pytest.approx(theirs[their_code], rel=1e-5), one


def test_all_codes_are_those_of_deepminds_contours():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
        monai = pytest.importorskip("monai.metrics.utils")
        table, kernel = monai.create_table_neighbour_code_to_contour_length(SPACINGS[2], device=torch.device("cpu"))
    weights = np.asarray(kernel).reshape(2, 2).astype(int)
    ours = element_areas_mm(SPACINGS[2])
    corners = list(itertools.product((0, 1), repeat=2))
    for one in range(16):
        their_code = sum(weights[corner] for bit, corner in enumerate(corners) if one >> bit & 1)
        assert ours[one] == pytest.approx(float(table[their_code]), rel=1e-5), one

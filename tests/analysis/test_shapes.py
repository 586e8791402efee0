"""Measures of one path, one fork or one set of points, against closed forms."""

import numpy as np
import pytest

from ramify.analysis import box_counting_dimension, mean_curvature_per_mm, murray_exponent
from ramify.analysis.path_shape import taper_mm_per_mm


@pytest.mark.parametrize("exponent", [2.0, 2.7, 3.0, 4.0])
@pytest.mark.parametrize("split", [0.5, 0.2])
def test_murrays_exponent_of_known_forks(exponent, split):
    children = [3.0 * share ** (1 / exponent) for share in (split, 1 - split)]
    assert murray_exponent(3.0, children) == pytest.approx(exponent)


@pytest.mark.parametrize("children", [[], [1.0], [2.0, 0.5], [2.5, 1.0], [1.999999, 1.999]])
def test_forks_without_an_exponent(children):
    assert murray_exponent(2.0, children) is None


@pytest.mark.parametrize("radius", [5.0, 20.0])
def test_curvature_of_an_arc_is_one_over_its_radius(radius):
    turn = np.linspace(0, 1.5, 300)
    arc = radius * np.stack([np.sin(turn), np.cos(turn), 0 * turn], axis=1)
    assert mean_curvature_per_mm(arc, 0.2 * radius) == pytest.approx(1 / radius, rel=0.01)


def test_a_straight_path_has_no_curvature_and_a_short_one_none_to_tell():
    line = np.linspace(0, 10, 30)[:, None] * np.array([0.6, 0.8])
    assert mean_curvature_per_mm(line, 2.0) == pytest.approx(0, abs=1e-6)
    assert mean_curvature_per_mm(line, 6.0) is None
    assert mean_curvature_per_mm(line[:1], 1.0) is None


def test_taper():
    along = np.array([0.0, 1.0, 2.5, 4.0])
    assert taper_mm_per_mm(5 - 0.25 * along, along) == pytest.approx(0.25)
    assert taper_mm_per_mm(np.array([1.0, 1.0]), np.array([0.0, 1.0])) is None


def test_dimension_of_lines_planes_and_dust():
    line = np.linspace(0, 500, 5000)[:, None] * np.array([[1.0, 0.3, 0.2]])
    assert box_counting_dimension(line, 2.0) == pytest.approx(1, abs=0.05)
    plane = np.stack(np.meshgrid(np.arange(256.0), np.arange(256.0), [3.0]), axis=-1).reshape(-1, 3)
    assert box_counting_dimension(plane, 4.0) == pytest.approx(2, abs=0.08)
    # Cantor's dust, every step of which leaves two of three thirds.
    dust = np.zeros(1)
    for step in range(10):
        dust = np.concatenate([dust, dust + 2.0 * 3**step])
    assert box_counting_dimension(np.stack([dust, 0 * dust], axis=1), 9.0) == pytest.approx(
        np.log(2) / np.log(3), abs=0.06
    )


def test_few_points_have_no_dimension():
    assert box_counting_dimension(np.empty((0, 3)), 1.0) is None
    assert box_counting_dimension(np.zeros((1, 3)), 1.0) is None

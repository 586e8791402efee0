import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from ramify.vessels.branches import trace_branches
from ramify.vessels.curve_graph import centreline_graph
from ramify.vessels.curve_smoothing import RADII, led_to_tips, smooth_curves

REACH = 3


def smoothed(points: np.ndarray, closed: bool, radius: float | None) -> np.ndarray:
    found = points.copy()
    radii = None if radius is None else np.full(len(points), radius)
    smooth_curves(found, np.array([0, len(points)]), np.array([closed]), radii)
    return found


@pytest.mark.parametrize("n", [3, 4, 7, 30])
@pytest.mark.parametrize("radius", [None, 0.1, 9.0, 40.0])
def test_it_is_scipys_gaussian_along_a_curve_that_goes_on(n: int, radius: float | None):
    points = np.random.default_rng(n).random((n, 3)) * 5
    step = np.linalg.norm(np.diff(points, axis=0), axis=1).mean()
    deviation = 1.0 if radius is None else max(1.0, RADII * radius / step)
    beyond = int(REACH * deviation + 0.5)
    longer = np.pad(points, ((beyond, beyond), (0, 0)), mode="reflect", reflect_type="odd")
    expected = gaussian_filter1d(longer, deviation, axis=0, truncate=REACH)[beyond : beyond + n]
    np.testing.assert_allclose(smoothed(points, False, radius)[1:-1], expected[1:-1], atol=1e-12)
    np.testing.assert_array_equal(smoothed(points, False, radius)[[0, -1]], points[[0, -1]])


@pytest.mark.parametrize("n", [4, 9, 30])
def test_a_loop_goes_round(n: int):
    points = np.random.default_rng(n).random((n, 2)) * 5
    points[-1] = points[0]
    found = smoothed(points, True, None)
    np.testing.assert_allclose(found[:-1], gaussian_filter1d(points[:-1], 1.0, axis=0, mode="wrap", truncate=REACH))
    np.testing.assert_array_equal(found[0], found[-1])


def test_a_straight_line_stays_and_so_do_two_points():
    line = np.arange(12)[:, None] * np.array([1.0, 2.0, 0.5])
    np.testing.assert_allclose(smoothed(line, False, 20.0), line, atol=1e-12)
    np.testing.assert_array_equal(smoothed(line[:2], False, 20.0), line[:2])
    same = np.ones((5, 2))
    np.testing.assert_array_equal(smoothed(same, False, 1.0), same)


@pytest.mark.parametrize("bend", [3.0, 5.0])
def test_a_bent_vessel_is_drawn_shorter_by_what_is_said(bend: float):
    """A ring of radius R, smoothed by a deviation d, shrinks to R exp(-(d / R)² / 2)."""
    angle = np.linspace(0, 2 * np.pi, 401)
    radius = 10.0
    ring = bend * radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ring[-1] = ring[0]
    found = smoothed(ring, True, radius)
    length = np.linalg.norm(np.diff(found, axis=0), axis=1).sum() / (2 * np.pi * bend * radius)
    assert length == pytest.approx(np.exp(-((RADII / bend) ** 2) / 2), rel=0.005)
    assert length == pytest.approx(1 - 0.28 / bend**2, rel=0.005)


def test_tips_lie_a_radius_beyond_the_ends():
    line = np.zeros((5, 20), dtype=bool)
    line[2, 4:15] = True
    depth = np.full(11, 3.0)
    graph = centreline_graph(trace_branches(line), (1.0, 1.0), depth)
    assert graph.endpoints_mm.tolist() == [[2.0, 4 - 2.5], [2.0, 14 + 2.5]]
    assert graph.length_mm == pytest.approx(10 + 2 * 2.5)
    assert graph.voxels[[0, -1]].tolist() == [[2, 4], [2, 14]]
    # A vessel of one voxel's width ends at the face of its last voxel, however thick that is along the vessel.
    thin = centreline_graph(trace_branches(line), (1.0, 4.0), np.full(11, 1.0))
    assert thin.endpoints_mm.tolist() == [[2.0, 4 * 4 - 2.0], [2.0, 14 * 4 + 2.0]]


def test_only_free_ends_are_led_on():
    skeleton = np.zeros((12, 21), dtype=bool)
    skeleton[2, 1:20] = skeleton[3:11, 10] = True
    plain, led = (centreline_graph(trace_branches(skeleton), (1.0, 1.0), depth) for depth in (None, np.full(27, 1.0)))
    assert led.bifurcations_mm.tolist() == plain.bifurcations_mm.tolist()
    assert led.length_mm == pytest.approx(plain.length_mm + 3 * 0.5)
    assert led.n_curves == plain.n_curves == 3
    assert np.diff(led.starts).tolist() == (np.diff(plain.starts) + 1).tolist()


def test_nothing_to_lead_on():
    points, voxel, starts = np.zeros((0, 3)), np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    found = led_to_tips(points, voxel, starts, np.zeros((0, 2), dtype=bool), np.zeros(0), (1.0, 1.0, 1.0))
    assert [len(part) for part in found] == [0, 0, 1]

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ramify.data.volume import Volume
from ramify.report.simplification import simplified
from ramify.report.surfaces import Surface, extract_surface, smoothed
from tests.report.drawn_cases import SPACING, fork


def ball(radius: float, hole: float = 0.0) -> Surface:
    size = int(2 * radius + 6)
    distance = np.linalg.norm(np.indices((size,) * 3) - (size - 1) / 2, axis=0)
    mask = (distance < radius) & (distance >= hole)
    return extract_surface(mask, Volume(mask, (1.0, 1.0, 1.0)))


def euler(surface: Surface) -> int:
    edges = np.sort(surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return len(surface.points) - len(np.unique(edges, axis=0)) + len(surface.triangles)


def is_closed(surface: Surface) -> bool:
    edges = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, counts = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    return bool((counts % 2 == 0).all())


@pytest.mark.parametrize("most", [2000, 800, 200])
def test_a_ball_stays_a_ball(most):
    full = smoothed(ball(12), 10)
    few = simplified(full, most)
    assert len(few.triangles) <= most < len(full.triangles)
    assert is_closed(few)
    assert euler(few) == 2
    assert few.volume_mm3() == pytest.approx(full.volume_mm3(), rel=0.05)
    away, _ = cKDTree(full.points).query(few.points)
    assert away.max() < 1.0


def test_flat_walls_cost_nothing():
    """A box keeps its place to the digit long before it has only a few triangles."""
    mask = np.zeros((14, 14, 14), dtype=bool)
    mask[2:12, 2:12, 2:12] = True
    full = extract_surface(mask, Volume(mask, (1.0, 1.0, 1.0)))
    few = simplified(full, len(full.triangles) // 3)
    np.testing.assert_allclose(few.points.min(axis=0), full.points.min(axis=0), atol=1e-9)
    np.testing.assert_allclose(few.points.max(axis=0), full.points.max(axis=0), atol=1e-9)
    assert few.volume_mm3() == pytest.approx(full.volume_mm3(), rel=1e-3)


def test_a_cavity_and_a_thin_vessel_stay():
    hollow = ball(9, hole=4)
    assert euler(hollow) == euler(simplified(hollow, 300)) == 4
    mask = fork()
    thin = extract_surface(mask, Volume(mask, SPACING))
    few = simplified(thin, 150)
    assert len(few.triangles) <= 150
    np.testing.assert_allclose(np.ptp(few.points, axis=0), np.ptp(thin.points, axis=0), atol=1.0)


@pytest.mark.parametrize("seed", range(5))
def test_topology_stays_on_noise(seed):
    mask = np.random.default_rng(seed).random((7, 8, 9)) < 0.4
    full = extract_surface(mask, Volume(mask, SPACING))
    few = simplified(full, 10)
    assert len(few.triangles) < len(full.triangles) / 2
    assert is_closed(few)
    assert euler(few) == euler(full)


def test_what_is_small_enough_is_left_alone():
    surface = ball(4)
    assert simplified(surface, len(surface.triangles)) is surface
    before = surface.points.copy()
    simplified(surface, 50)
    np.testing.assert_array_equal(surface.points, before)


def test_far_from_the_origin_is_as_good():
    near = ball(10)
    far = Surface(near.points + np.array([5000.0, -3000.0, 800.0]), near.triangles)
    near_few, far_few = simplified(near, 400), simplified(far, 400)
    assert far_few.volume_mm3() == pytest.approx(near_few.volume_mm3(), rel=1e-3)

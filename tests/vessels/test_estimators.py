import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ramify.phantoms.rasterisation import rasterise
from ramify.phantoms.vessel_graph import VesselGraph
from ramify.vessels.distance import surface
from ramify.vessels.estimators import ESTIMATORS, grow_tree
from ramify.vessels.estimators.paper import paper_local_radii
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.skeleton import skeletonize


def drawn_tube(points_mm, radius_mm, size, spacing_mm) -> np.ndarray:
    """Voxels at least half inside a tube along a polyline."""
    nodes = np.array(points_mm, dtype=float)
    edges = np.stack([np.arange(len(nodes) - 1), np.arange(1, len(nodes))], axis=1).astype(np.int32)
    one = np.zeros(len(edges), dtype=np.int32)
    graph = VesselGraph(nodes, edges, np.full(len(edges), float(radius_mm)), one, ("tube",))
    return rasterise(graph, size, spacing_mm) >= 0.5


def measured(mask, spacing_mm, estimator):
    """Radius of the longest branch."""
    tree = grow_tree(mask, spacing_mm, without_spurs=True)
    return ESTIMATORS[estimator].radii_mm(tree, ScaleSettings())[np.argmax(np.diff(tree.graph.starts))]


class TestPaper:
    def test_line_one_voxel_wide_reaches_four_voxels_along_itself(self):
        # The 8 nearest surface voxels of an inner voxel: itself, three pairs, and one at distance 4.
        line = np.zeros((21, 5, 5), dtype=bool)
        line[:, 2, 2] = True
        assert paper_local_radii(np.array([[10, 2, 2]]), line, (0.5, 1.0, 1.0)).tolist() == [2.0]

    def test_axis_of_a_square_tube(self):
        # Around the axis of a 5 x 5 tube: four surface voxels at 2, then eight at sqrt(5).
        tube = np.zeros((21, 9, 9), dtype=bool)
        tube[:, 2:7, 2:7] = True
        assert paper_local_radii(np.array([[10, 4, 4]]), tube, (1.0, 1.0, 1.0)) == pytest.approx(np.sqrt(5))

    def test_surface_of_any_vessel_counts(self):
        # The pixel itself, 0 away, and then the wall of the ribbon: rows at 10, sqrt(101) twice, sqrt(104) ....
        mask = np.zeros((9, 20), dtype=bool)
        mask[4, 2] = True
        mask[:, 12:16] = True
        assert paper_local_radii(np.array([[4, 2]]), mask, (1.0, 1.0), 3) == pytest.approx(np.sqrt(101), abs=1e-5)

    def test_neighbours_are_capped_at_the_surface(self):
        mask = np.zeros((9, 20), dtype=bool)
        mask[4, 2:5] = True
        assert paper_local_radii(np.array([[4, 2], [4, 3]]), mask, (1.0, 3.0)).tolist() == [6.0, 3.0]

    def test_no_radius_is_zero(self):
        mask = np.zeros((9, 20), dtype=bool)
        mask[4, 2] = True
        assert paper_local_radii(np.array([[4, 2]]), mask, (1.0, 3.0)).tolist() == [0.5]

    def test_mask_without_surface_takes_the_border(self):
        full = np.ones((5, 5, 5), dtype=bool)
        assert paper_local_radii(np.array([[2, 2, 2]]), full, (1.0, 1.0, 1.0), neighbours=1).tolist() == [2.0]

    def test_no_voxels_no_radii(self):
        assert paper_local_radii(np.empty((0, 2), dtype=int), np.ones((3, 3), dtype=bool), (1.0, 1.0)).shape == (0,)

    @settings(max_examples=30, deadline=None)
    @given(arrays(bool, (6, 7, 5)).filter(lambda mask: mask.any() and not mask.all()), st.integers(1, 9))
    def test_is_equation_1(self, mask, neighbours):
        spacing = np.array([2.0, 1.0, 0.5])
        voxels, edge = np.argwhere(skeletonize(mask)), np.argwhere(surface(mask))
        local = paper_local_radii(voxels, mask, spacing.tolist(), neighbours)
        for voxel, radius in zip(voxels, local, strict=True):
            distances = np.sort(np.linalg.norm((edge - voxel) * spacing, axis=1))
            assert radius == pytest.approx(max(distances[:neighbours].max(), 0.25), abs=1e-5)


class TestVolume:
    @pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0)])
    @pytest.mark.parametrize("radius", [0.8, 1.5, 3.0, 6.0])
    def test_oblique_tube(self, radius, spacing):
        size = tuple(int(44 / step) for step in spacing)
        start, end = np.array([4.0, 9.0, 12.0]), np.array([40.0, 33.0, 27.0])
        tube = drawn_tube([start, end], radius, size, spacing)
        # A thin tube's mask has up to a quarter less than its volume, which no estimator can know.
        drawn = np.count_nonzero(tube) * np.prod(spacing)
        kept = drawn / (np.pi * radius**2 * (np.linalg.norm(end - start) + 4 / 3 * radius))
        assert measured(tube, spacing, "volume") == pytest.approx(radius * np.sqrt(kept), rel=0.04)

    @pytest.mark.parametrize("radius", [1.0, 2.5])
    def test_curved_tube(self, radius):
        turn = np.linspace(0, 1.5 * np.pi, 40)
        helix = np.stack([8 + 5 * turn, 24 + 14 * np.cos(turn), 24 + 14 * np.sin(turn)], axis=1)
        assert measured(
            drawn_tube(helix, radius, (48, 48, 48), (1.0, 1.0, 1.0)), (1.0, 1.0, 1.0), "volume"
        ) == pytest.approx(radius, rel=0.08)

    def test_line_one_voxel_wide_has_its_area(self):
        line = np.zeros((30, 5, 5), dtype=bool)
        line[:, 2, 2] = True
        assert measured(line, (1.0, 1.0, 1.0), "volume") == pytest.approx(np.sqrt(1 / np.pi), abs=1e-5)

    def test_diagonal_line_is_not_measured_along_its_staircase(self):
        # One voxel a step of sqrt(3): the section is 1 / sqrt(3).
        line = np.zeros((30, 30, 30), dtype=bool)
        line[np.arange(30), np.arange(30), np.arange(30)] = True
        assert measured(line, (1.0, 1.0, 1.0), "volume") == pytest.approx(np.sqrt(1 / np.sqrt(3) / np.pi), abs=1e-5)

    def test_ribbon_is_as_wide_as_it_is(self):
        ribbon = np.zeros((15, 40), dtype=bool)
        ribbon[5:10] = True
        assert measured(ribbon, (1.0, 1.0), "volume") == pytest.approx(2.5, abs=1e-5)

    def test_lone_voxel_is_as_thick_as_a_line(self):
        voxel = np.zeros((5, 5, 5), dtype=bool)
        voxel[2, 2, 2] = True
        assert measured(voxel, (1.0, 1.0, 1.0), "volume") == pytest.approx(np.sqrt(1 / np.pi), abs=1e-5)
        # Its own length is that of a cube of its volume.
        assert measured(voxel, (1.0, 2.0, 4.0), "volume") == pytest.approx(np.sqrt(4 / np.pi), abs=1e-5)

    @pytest.mark.parametrize("blob", [6, 8, 10])
    def test_blob_on_a_thin_vessel_does_not_move_the_median(self, blob):
        z, y, x = np.indices((121, 41, 41))
        tube = (y - 20) ** 2 + (x - 20) ** 2 <= 3**2
        mask = tube | ((z - 60) ** 2 + (y - 20) ** 2 + (x - 20) ** 2 <= blob**2)
        assert measured(mask, (1.0, 1.0, 1.0), "volume") == measured(tube, (1.0, 1.0, 1.0), "volume")
        assert measured(mask, (1.0, 1.0, 1.0), "volume") == pytest.approx(3, rel=0.05)

    def test_lone_pixel_is_as_wide_as_a_line(self):
        pixel = np.zeros((5, 5), dtype=bool)
        pixel[2, 2] = True
        assert measured(pixel, (1.0, 1.0), "volume") == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("estimator", ["distance", "volume"])
class TestAtTheBorder:
    def test_vessel_that_leaves_the_volume_is_as_wide_as_it_was(self, estimator):
        spacing = (1.0, 1.0, 1.0)
        tube = drawn_tube([[-30, 20, 20], [90, 20, 20]], 5.0, (60, 40, 40), spacing)
        capped = np.pad(tube, ((1, 1), (0, 0), (0, 0)))
        whole = measured(tube, spacing, estimator)
        assert whole == pytest.approx(5.0, rel=0.1)
        assert whole == pytest.approx(measured(capped, spacing, estimator), rel=0.02)

    def test_slab_of_a_vessel_is_not_as_thin_as_the_slab(self, estimator):
        spacing = (1.0, 1.0, 1.0)
        slab = drawn_tube([[-30, 20, 20], [90, 20, 20]], 8.0, (8, 40, 40), spacing)
        assert measured(slab, spacing, estimator) == pytest.approx(8.0, rel=0.15)


def test_distance_of_a_square_tube():
    tube = np.zeros((30, 11, 11), dtype=bool)
    tube[:, 3:8, 3:8] = True
    # Half way between two slices the nearest background is 3 to the side and half a voxel along.
    assert measured(tube, (1.0, 1.0, 1.0), "distance") == pytest.approx(np.sqrt(9.25 - 1 / 3), abs=1e-5)


@pytest.mark.parametrize("radius", [1.5, 3.0, 6.0])
def test_distance_of_an_oblique_tube(radius):
    tube = drawn_tube([[4, 9, 12], [40, 33, 27]], radius, (44, 44, 44), (1.0, 1.0, 1.0))
    assert measured(tube, (1.0, 1.0, 1.0), "distance") == pytest.approx(radius, abs=0.15)

"""Branches of a mask as a tree: what each measures, where it stands, cycles, pieces, tables and the graph."""

import sys

import networkx
import numpy as np
import pytest

from ramify.analysis import AnalysisSettings, VesselTree, analyse
from ramify.data.volume import Volume
from tests.analysis.drawn_trees import FORKS_MM, FORKS_RADII_MM, drawn, forks, middles, row_at

UNIT = (1.0, 1.0, 1.0)


class TestStraightTube:
    @pytest.mark.parametrize("spacing_mm", [UNIT, (0.5, 0.5, 0.5), (1.5, 0.8, 0.8)])
    @pytest.mark.parametrize("radius", [2.5, 4.0])
    def test_length_radius_volume_and_surface(self, spacing_mm, radius):
        # Through the whole volume, so that it has no ends of its own; as long as the volume is wide.
        mask = drawn([[15, 15, -9], [15, 15, 57]], [(0, 1)], [radius], (30, 30, 48), spacing_mm)
        (row,) = analyse(mask, spacing_mm).branch_rows
        assert row["length_mm"] == pytest.approx(48, rel=0.02)
        # Of the drawn mask, whose cross-section is one of whole voxels.
        assert row["radius_mm"] == pytest.approx(np.sqrt(row["volume_mm3"] / 48 / np.pi), rel=0.02)
        assert row["radius_mm"] == pytest.approx(radius, rel=0.1)
        assert row["radius_median_mm"] == pytest.approx(row["radius_mm"], rel=1e-6)
        assert row["volume_mm3"] == pytest.approx(mask.sum() * np.prod(spacing_mm))
        assert row["surface_mm2"] == pytest.approx(2 * np.pi * row["radius_mm"] * 48, rel=0.03)
        assert row["tortuosity"] == pytest.approx(1, abs=0.02)
        assert abs(row["direction_x"]) == pytest.approx(1, abs=0.02)
        assert row["taper_mm_per_mm"] == pytest.approx(0, abs=0.02)
        assert row["touches_volume_border"]

    def test_an_oblique_one_with_round_ends(self):
        ends = np.array([[9, 12, 10], [22, 30, 44]], float)
        mask = drawn(ends, [(0, 1)], [3], (32, 42, 56), (0.5, 0.5, 0.5))
        (row,) = analyse(mask, (0.5, 0.5, 0.5)).branch_rows
        length = np.linalg.norm(ends[1] - ends[0])
        assert row["length_mm"] == pytest.approx(length + 6, rel=0.06)
        assert row["surface_mm2"] == pytest.approx(2 * np.pi * 3 * (length + 6), rel=0.08)
        assert not row["touches_volume_border"]
        direction = [row["direction_z"], row["direction_y"], row["direction_x"]]
        assert abs(np.dot(direction, (ends[1] - ends[0]) / length)) == pytest.approx(1, abs=0.01)

    def test_a_cone_tapers_from_its_root(self):
        mask = np.zeros((24, 24, 70), bool)
        z, y = np.ogrid[-12:12, -12:12]
        for x in range(5, 65):
            mask[:, :, x] = z**2 + y**2 <= (8 - 0.1 * (x - 5)) ** 2
        tree = analyse(mask, UNIT)
        (row,) = tree.branch_rows
        assert row["taper_mm_per_mm"] == pytest.approx(0.1, rel=0.15)
        assert row["start_radius_mm"] > row["end_radius_mm"] + 2
        assert row["direction_x"] > 0.99

    def test_two_dimensions(self):
        mask = drawn([[15, 8], [15, 48]], [(0, 1)], [3], (30, 56), (0.5, 0.5))
        tree = analyse(mask, (0.5, 0.5))
        (row,) = tree.branch_rows
        assert row["length_mm"] == pytest.approx(46, rel=0.04)
        assert row["area_mm2"] == pytest.approx(6 * 40 + np.pi * 9, rel=0.05)
        assert row["outline_mm"] == 2 * row["length_mm"]
        assert "direction_z" not in row
        assert "z_mm" not in tree.node_rows[0]


class TestFork:
    @pytest.mark.parametrize("spacing_mm", [(0.5, 0.5, 0.5), (1.0, 0.5, 0.5)])
    def test_angles_and_murrays_exponent(self, spacing_mm):
        # Both children 35 degrees off, of radii that cubed sum up to the trunk's.
        away, child = np.radians(35), 3 * 0.5 ** (1 / 3)
        ends = [[15, 30 + side * 30 * np.sin(away), 25 + 30 * np.cos(away)] for side in (1, -1)]
        nodes = [[15, 30, 0], [15, 30, 25], *ends]
        mask = drawn(nodes, [(0, 1), (1, 2), (1, 3)], [3, child, child], (30, 60, 60), spacing_mm)
        tree = analyse(mask, spacing_mm)
        (fork,) = [row for row in tree.node_rows if row["kind"] == "junction"]
        assert fork["angle_between_children_deg"] == pytest.approx(70, abs=6)
        assert fork["angle_thicker_child_deg"] == pytest.approx(35, abs=4)
        assert fork["angle_thinner_child_deg"] == pytest.approx(35, abs=4)
        assert fork["murray_exponent"] == pytest.approx(3, abs=0.5)
        assert fork["radius_ratio_of_children"] == pytest.approx(1, abs=0.05)
        assert (fork["degree"], fork["x_mm"]) == (3, pytest.approx(25, abs=2))
        assert tree.summary["junctions"] == 1


class TestOrders:
    def test_parents_generations_and_orders_are_those_of_the_drawn_tree(self):
        tree = analyse(forks(), UNIT)
        rows = [row_at(tree, place) for place in middles()]
        assert len({row["branch"] for row in rows}) == len(tree.branch_rows) == 5
        trunk, _, stem, *_ = rows
        assert [row["parent"] for row in rows] == [None, *[trunk["branch"]] * 2, *[stem["branch"]] * 2]
        assert [row["generation"] for row in rows] == [0, 1, 1, 2, 2]
        assert [row["strahler_order"] for row in rows] == [2, 1, 2, 1, 1]
        assert [row["main_vessel_order"] for row in rows] == [1, 2, 1, 1, 2]
        assert [row["terminal"] for row in rows] == [False, True, False, True, True]
        for row, radius in zip(rows, FORKS_RADII_MM):
            assert row["radius_mm"] == pytest.approx(radius, rel=0.12)
        assert trunk["touches_volume_border"]
        assert not stem["touches_volume_border"]
        assert (tree.summary["trees"], tree.summary["ends"], tree.summary["cycles"]) == (1, 3, 0)

    def test_a_root_elsewhere_turns_the_tree_round(self):
        # x, y, z of the end of the second child.
        z, y, x = FORKS_MM[4]
        tree = analyse(forks(), UNIT, AnalysisSettings(root=(f"{x},{y},{z}",)))
        trunk, side, stem, one, other = [row_at(tree, place) for place in middles()]
        assert one["parent"] is None
        assert (stem["parent"], other["parent"]) == (one["branch"], one["branch"])
        assert (trunk["parent"], side["parent"]) == (stem["branch"], stem["branch"])
        assert trunk["terminal"]

    def test_a_mirrored_and_transposed_mask_has_the_same_tree(self):
        mask = forks()
        tree, turned = analyse(mask, UNIT), analyse(mask.transpose(2, 0, 1)[::-1], UNIT)
        names = ("generation", "strahler_order", "length_mm", "radius_mm", "volume_mm3", "tortuosity")

        def values(found: VesselTree) -> np.ndarray:
            rows = [[row[name] for name in names] for row in found.branch_rows]
            return np.array(sorted(rows))

        assert values(tree) == pytest.approx(values(turned), rel=1e-6)

    def test_patient_coordinates_follow_the_grid(self):
        mask = forks()
        # x grows to the right, y and z as in the array.
        flipped = Volume(mask, UNIT, (100.0, 200.0, 300.0), ((1, 0, 0), (0, 1, 0), (0, 0, -1)))
        tree = analyse(mask, UNIT, place=flipped)
        ras = analyse(mask, UNIT, AnalysisSettings(coordinates="ras"), place=flipped)
        (root,) = [row for row in tree.node_rows if row["kind"] == "root"]
        assert root["x_mm"] == pytest.approx(300.5, abs=1)
        assert root["y_mm"] == pytest.approx(229.5, abs=1)
        assert root["z_mm"] == pytest.approx(111.5, abs=1)
        (trunk,) = [row for row in tree.branch_rows if row["parent"] is None]
        assert trunk["direction_x"] < -0.95
        (other,) = [row for row in ras.node_rows if row["kind"] == "root"]
        assert (other["x_mm"], other["z_mm"]) == (-root["x_mm"], root["z_mm"])


class TestCycles:
    # A vessel that parts and meets again, and goes on.
    RING = ([12, 20, 0], [12, 20, 12], [12, 32, 24], [12, 8, 24], [12, 20, 36], [12, 20, 54])
    EDGES = ((0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5))

    @pytest.fixture
    def mask(self):
        return drawn(self.RING, self.EDGES, [2.5, 2.2, 1.8, 2.2, 1.8, 2.5], (24, 40, 54), UNIT)

    def test_a_ring_is_cut_and_listed(self, mask):
        tree = analyse(mask, UNIT)
        (cycle,) = tree.cycles
        (cut,) = [row for row in tree.branch_rows if row["cut"]]
        assert cycle["branch"] == cut["branch"]
        assert (cycle["x_mm"], cycle["y_mm"]) == (pytest.approx(35.5, abs=2.5), pytest.approx(19.5, abs=2.5))
        # Every branch but the root's has one parent, and nodes one branch that leads to them.
        assert len(tree.node_rows) == len(tree.branch_rows) + 1
        assert [row["kind"] for row in tree.node_rows].count("cycle") == 1
        assert tree.summary["cycles"] == 1

    def test_a_ring_that_is_kept_is_a_ring_in_the_graph(self, mask):
        cut, kept = analyse(mask, UNIT), analyse(mask, UNIT, AnalysisSettings(keep_cycles=True))
        assert networkx.is_arborescence(cut.graph)
        assert kept.graph.number_of_edges() == kept.graph.number_of_nodes()
        assert networkx.number_connected_components(kept.graph.to_undirected()) == 1
        assert len(kept.cycles) == 1
        assert {row["node"]: row["degree"] for row in kept.node_rows} == dict(kept.graph.degree)

    def test_a_closed_ring_alone_is_one_branch_and_a_cycle(self):
        y, x = np.ogrid[-15:16, -15:16]
        ring = (np.hypot(y, x) >= 8) & (np.hypot(y, x) <= 12)
        tree = analyse(ring, (1.0, 1.0))
        (row,) = tree.branch_rows
        assert row["length_mm"] == pytest.approx(2 * np.pi * 10, rel=0.05)
        assert row["tortuosity"] is None
        assert row["mean_curvature_per_mm"] == pytest.approx(0.1, rel=0.1)
        assert len(tree.cycles) == 1
        (node,) = analyse(ring, (1.0, 1.0), AnalysisSettings(keep_cycles=True)).node_rows
        assert (node["kind"], node["degree"]) == ("root", 2), "as networkx counts a loop"


class TestLoosePieces:
    @pytest.fixture
    def mask(self):
        vessels = drawn(
            [[8, 10, 0], [8, 10, 40], [8, 18, 22], [8, 36, 28]], [(0, 1), (2, 3)], [3, 1.6], (16, 44, 48), UNIT
        )
        return vessels

    def test_they_are_trees_of_their_own(self, mask):
        tree = analyse(mask, UNIT)
        assert [row["parent"] for row in tree.branch_rows] == [None, None]
        assert tree.summary["trees"] == 2

    def test_they_hang_on_the_nearest_vessel_within_a_distance(self, mask):
        tree = analyse(mask, UNIT, AnalysisSettings(join_within_mm=10))
        large, small = sorted(tree.branch_rows, key=lambda row: -row["radius_mm"])
        assert small["parent"] == large["branch"]
        # From the tip of the small one to the line in the middle of the large one.
        assert small["gap_mm"] == pytest.approx(8 - 1.6, abs=1.2)
        assert (small["generation"], small["tree"]) == (0, large["tree"])
        (node,) = [row for row in tree.node_rows if row["kind"] == "gap"]
        assert node["y_mm"] < 20

    def test_a_wider_gap_is_none(self, mask):
        tree = analyse(mask, UNIT, AnalysisSettings(join_within_mm=4))
        assert [row["gap_mm"] for row in tree.branch_rows] == [0, 0]


def test_tables_are_data_frames(monkeypatch):
    tree = analyse(forks(), UNIT)

    class FramesOnly:
        @staticmethod
        def DataFrame(rows):
            return list(rows)

    monkeypatch.setitem(sys.modules, "pandas", FramesOnly)
    assert tree.branches == tree.branch_rows
    assert tree.nodes == tree.node_rows


def test_the_graph_has_the_tables():
    tree = analyse(forks(), UNIT)
    graph = tree.graph
    assert networkx.is_arborescence(graph)
    assert {key for _, _, key in graph.edges(keys=True)} == {row["branch"] for row in tree.branch_rows}
    longest = max(networkx.get_edge_attributes(graph, "length_mm").values())
    assert longest == max(row["length_mm"] for row in tree.branch_rows)
    # Strahler's order by another way: over the graph, from its leaves.
    order: dict = {}
    for node in reversed(list(networkx.topological_sort(graph))):
        below = sorted((order[child] for child in graph.successors(node)), reverse=True)
        order[node] = 1 if not below else below[0] + (len(below) > 1 and below[0] == below[1])
    for _, end, row in graph.edges(data=True):
        assert row["strahler_order"] == order[end]

import sys

import networkx
import numpy as np
import pytest

from ramify.analysis import AnalysisSettings, VesselTree, analyse
from ramify.data.volume import Volume
from tests.analysis.drawn_trees import FORKS, FORKS_MM, FORKS_RADII_MM, drawn, forks

UNIT = (1.0, 1.0, 1.0)


def row_at(tree: VesselTree, place_mm) -> dict:
    """The row of the branch that a place, counted from the outer corner, lies in."""
    spacing = np.array(tree.decomposition.spacing_mm)
    voxel = tuple((np.array(place_mm) / spacing).astype(int))
    number = int(tree.decomposition.branches[voxel])
    (row,) = [row for row in tree.branch_rows if row["branch"] == number]
    return row


def middles(nodes=FORKS_MM, edges=FORKS) -> list[np.ndarray]:
    """A place in each vessel, nearer to its end: its beginning lies in the junction."""
    points = np.array(nodes, dtype=float)
    return [0.4 * points[start] + 0.6 * points[end] for start, end in edges]


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

    def test_a_closed_ring_alone_is_one_branch_and_a_cycle(self):
        y, x = np.ogrid[-15:16, -15:16]
        ring = (np.hypot(y, x) >= 8) & (np.hypot(y, x) <= 12)
        tree = analyse(ring, (1.0, 1.0))
        (row,) = tree.branch_rows
        assert row["length_mm"] == pytest.approx(2 * np.pi * 10, rel=0.05)
        assert row["tortuosity"] is None
        assert row["mean_curvature_per_mm"] == pytest.approx(0.1, rel=0.1)
        assert len(tree.cycles) == 1


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


class TestGivenRoots:
    # z y x there: the trunk begins at the first.
    X, Y, Z = FORKS_MM[0][::-1]

    def told(self, *roots: tuple[float, ...], **changes) -> list[str]:
        words = tuple(",".join(map(str, root)) for root in roots)
        tree = analyse(forks(), UNIT, AnalysisSettings(root=words, **changes))
        return [note for note in tree.notes if note.startswith("root ")]

    def test_near_an_end_nothing_is_said(self):
        assert self.told((self.X, self.Y, self.Z)) == self.told((self.X + 2, self.Y, self.Z)) == []

    def test_far_from_any_end_it_is(self):
        (note,) = self.told((1, 1, 1))
        assert note.startswith("root 1,1,1: no vessel ends there; the tree begins at the nearest vessel's end ")

    def test_outside_the_volume_it_is_refused(self):
        with pytest.raises(
            ValueError, match=r"root 500,1,1: lies outside the mask's volume.* in LPS; .*--coordinates ras"
        ):
            self.told((500, 1, 1))

    def test_one_end_is_no_root_of_two(self):
        near = (self.X + 1, self.Y, self.Z)
        with pytest.raises(ValueError, match=r"root: two places are nearest to the same end, .*; give each its own"):
            self.told((self.X, self.Y, self.Z), near, systems=("one", "other"))


def test_a_twig_at_the_border_of_an_organ_is_no_root():
    """The trunk (3.5 mm) begins inside the organ, at whose border a twig (2.4 mm) ends."""
    mask = np.pad(forks(), ((0, 0), (0, 0), (10, 0)))
    organ = np.ones(mask.shape, bool)
    organ[:, 50:] = False
    tree = analyse(mask & organ, UNIT, organ=organ)
    (root,) = [row for row in tree.node_rows if row["kind"] == "root"]
    assert (root["x_mm"], root["y_mm"]) == (pytest.approx(10, abs=4), pytest.approx(30, abs=2))


class TestSystems:
    # Two vessels that cross and touch, one of which forks beyond.
    NODES = (
        *([10, 20, 0], [11, 20, 16], [14, 20, 60]),
        *([10, 0, 26], [11, 12, 27], [13.5, 46, 30], [13.5, 58, 20], [13.5, 58, 44]),
    )
    EDGES = ((0, 1), (1, 2), (3, 4), (4, 5), (5, 6), (5, 7))

    @pytest.fixture
    def mask(self):
        return drawn(self.NODES, self.EDGES, [4.2, 2.2, 3.2, 2.4, 1.8, 1.8], (24, 62, 64), UNIT)

    def test_each_vessel_goes_on_beyond_the_contact(self, mask):
        tree = analyse(mask, UNIT, AnalysisSettings(systems=("one", "other"), root=("0,20,10", "26,0,10")))
        places = {"one": [(10, 20, 4), (14, 20, 56)], "other": [(10, 5, 26), (13, 56, 22), (13, 56, 42)]}
        assert {name: {row_at(tree, place)["system"] for place in its} for name, its in places.items()} == {
            name: {name} for name in places
        }
        (contact,) = [row for row in tree.cycles if row["other_system"]]
        assert contact["y_mm"] == pytest.approx(20, abs=4)
        assert contact["kind"] == "contact"
        assert (tree.summary["cycles"], tree.summary["contacts"]) == (0, 1)
        assert [row["kind"] for row in tree.node_rows].count("contact") == 1

    def test_roots_are_found_at_the_trunks(self):
        # Trunks of 5 and 3.5 mm; where they touch, both vessels are thin. The thicker trunk's is the first system.
        nodes = [[12, 50, 0], [12, 50, 25], [14, 50, 90], [16, 0, 60], [16, 22, 60], [16, 90, 60]]
        mask = drawn(nodes, [(0, 1), (1, 2), (3, 4), (4, 5)], [5, 2, 3.5, 2], (30, 92, 92), UNIT)
        tree = analyse(mask, UNIT, AnalysisSettings(systems=("one", "other")))
        assert [row_at(tree, place)["system"] for place in ((12, 50, 10), (14, 50, 85))] == ["one", "one"]
        assert [row_at(tree, place)["system"] for place in ((16, 10, 60), (16, 85, 60))] == ["other", "other"]

    def test_one_vessel_has_no_two_roots(self):
        mask = np.zeros((9, 9, 9), bool)
        mask[4, 4, 4] = True
        with pytest.raises(ValueError, match="two; give both with --root"):
            analyse(mask, UNIT, AnalysisSettings(systems=("one", "other")))


class TestOrgan:
    def test_densities_distances_and_territories(self):
        mask = forks()
        organ = np.ones(mask.shape, bool)
        organ[:, :, :10] = False
        tree = analyse(mask, UNIT, AnalysisSettings(territory_depth=1), organ)
        assert tree.summary["organ_ml"] == pytest.approx(organ.sum() / 1000)
        assert tree.summary["vessel_share_of_organ"] == pytest.approx(mask.sum() / organ.sum())
        assert tree.summary["largest_distance_to_vessel_mm"] > tree.summary["mean_distance_to_vessel_mm"] > 1
        trunk = row_at(tree, (12, 30, 8))
        assert trunk["parent"] is None
        found = tree.territories()
        assert (found.map > 0).sum() == organ.sum()
        _, side, _, one, other = middles()
        labels = [int(found.map[tuple(place.astype(int))]) for place in (side, one, other)]
        # The trunk and the stem are of the highest order, and their ground goes to whoever is near.
        assert sorted(labels) == [1, 2, 3]
        # A place far from the tree belongs to the side that it is on.
        assert found.map[12, 58, 40] == labels[0]
        assert found.map[12, 30, 62] == labels[1]
        assert found.map[12, 1, 60] == labels[2]
        whole = analyse(mask, UNIT, AnalysisSettings(territory_depth=0), organ).territories()
        assert np.unique(whole.map).tolist() == [0, 1]

    @pytest.mark.parametrize(("depth", "told"), [(1, False), (2, True)])
    def test_a_depth_below_the_lowest_order_is_told(self, depth, told):
        mask = forks()
        tree = analyse(mask, UNIT, AnalysisSettings(territory_depth=depth), np.ones(mask.shape, bool))
        assert tree.summary["largest_strahler_order"] == 2
        assert any(note.startswith("territory_depth 2: the highest Strahler order is 2") for note in tree.notes) == told

    def test_the_root_is_where_the_organs_border_cuts(self):
        # Both ends are alike, but one lies at the border of the organ.
        mask = drawn([[8, 12, 8], [8, 12, 40]], [(0, 1)], [3], (16, 24, 48), UNIT)
        organ = np.zeros(mask.shape, bool)
        organ[1:-1, 1:-1, :38] = True
        (root,) = [row for row in analyse(mask, UNIT, organ=organ).node_rows if row["kind"] == "root"]
        assert root["x_mm"] > 35


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((5, 5, 5), bool), "expected at least one vessel voxel"),
        (np.full((5, 5, 5), 0.5), "boolean"),
    ],
)
def test_what_is_no_mask_is_refused(mask, said):
    with pytest.raises(ValueError, match=said):
        analyse(mask, UNIT)


def test_an_organ_of_another_shape_is_refused():
    mask = np.ones((3, 3, 9), bool)
    with pytest.raises(ValueError, match="organ: expected the mask's shape"):
        analyse(mask, UNIT, organ=np.ones((3, 3, 8), bool))


def test_a_root_of_two_numbers_is_none_in_three_dimensions():
    with pytest.raises(ValueError, match="expected 3 numbers"):
        analyse(np.ones((3, 3, 9), bool), UNIT, AnalysisSettings(root=("1,2",)))


def test_one_voxel_is_a_branch_without_length():
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 2, 2] = True
    tree = analyse(mask, UNIT)
    (row,) = tree.branch_rows
    assert (row["length_mm"], row["tortuosity"], row["start_node"], row["end_node"]) == (0, None, 1, 1)
    assert tree.summary["branches"] == 1


@pytest.mark.parametrize("mask", [np.ones((12, 12, 12), bool), np.pad(np.ones((10, 12, 11), bool), 2)])
def test_an_organ_in_place_of_vessels_is_told(mask):
    tree = analyse(mask, UNIT)
    assert any("not an organ's" in note for note in tree.notes)
    assert not any("organ" in note for note in analyse(forks(), UNIT).notes)


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


def test_specks_are_told_and_measured():
    mask = np.zeros((30, 30, 30), dtype=bool)
    mask[::4, ::4, ::4] = True
    tree = analyse(mask, UNIT)
    assert any("512 of 512 branches are pieces of a voxel or a few" in note for note in tree.notes)
    assert tree.summary["trees"] == tree.summary["ends"] == 512
    row = tree.branch_rows[0]
    radii = [row[f"{name}_mm"] for name in ("radius", "radius_q1", "radius_median", "radius_q3", "start_radius")]
    assert radii == pytest.approx(5 * [row["end_radius_mm"]])
    assert (row["length_mm"], row["taper_mm_per_mm"], row["mean_curvature_per_mm"]) == (0.0, None, None)

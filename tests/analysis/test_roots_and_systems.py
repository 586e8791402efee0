"""Where trees begin, told or found, and two systems taken apart."""

import numpy as np
import pytest

from ramify.analysis import AnalysisSettings, analyse
from tests.analysis.drawn_trees import FORKS_MM, drawn, forks, row_at
from tests.storage_orders import restored

UNIT = (1.0, 1.0, 1.0)


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

    @pytest.mark.parametrize("order", [((2, 0, 1), (1, -1, 1)), ((1, 0, 2), (-1, -1, -1))])
    def test_they_do_not_depend_on_how_the_array_lies(self, mask, order):
        asked = AnalysisSettings(systems=("one", "other"))
        system, turned = (
            tree.map_of(1 + tree.growth.system)
            for tree in (analyse(mask, UNIT, asked), analyse(np.ascontiguousarray(restored(mask, order)), UNIT, asked))
        )
        assert (restored(system, order) == turned).all()

    def test_one_vessel_has_no_two_roots(self):
        mask = np.zeros((9, 9, 9), bool)
        mask[4, 4, 4] = True
        with pytest.raises(ValueError, match="two; give both with --root"):
            analyse(mask, UNIT, AnalysisSettings(systems=("one", "other")))


def test_a_root_of_two_numbers_is_none_in_three_dimensions():
    with pytest.raises(ValueError, match="expected 3 numbers"):
        analyse(np.ones((3, 3, 9), bool), UNIT, AnalysisSettings(root=("1,2",)))

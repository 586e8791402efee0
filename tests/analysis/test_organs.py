"""Trees in an organ: densities, distances, territories, and the root at its border."""

import numpy as np
import pytest

from ramify.analysis import AnalysisSettings, analyse
from tests.analysis.drawn_trees import drawn, forks, middles, row_at

UNIT = (1.0, 1.0, 1.0)


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


def test_an_organ_of_another_shape_is_refused():
    mask = np.ones((3, 3, 9), bool)
    with pytest.raises(ValueError, match="organ: expected the mask's shape"):
        analyse(mask, UNIT, organ=np.ones((3, 3, 8), bool))

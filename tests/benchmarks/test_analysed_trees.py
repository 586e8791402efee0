"""Analysed trees beside what was drawn."""

import numpy as np
import pytest

from benchmarks.analysed_trees import compared
from benchmarks.large_analysis import side_by_side
from benchmarks.two_systems import Pair, best_share, right_share, taken_apart
from ramify.analysis import AnalysisSettings, analyse
from ramify.data.volume import Volume
from ramify.phantoms import VesselGraph
from tests.analysis.drawn_trees import FORKS, FORKS_MM, FORKS_RADII_MM, drawn, forks

UNIT = (1.0, 1.0, 1.0)


def test_a_tree_that_is_found_scores_full_marks_and_one_turned_round_does_not():
    edges = np.array(FORKS, dtype=np.int32)
    one = np.zeros(len(edges), dtype=np.int32)
    graph = VesselGraph(np.array(FORKS_MM, dtype=float), edges, np.array(FORKS_RADII_MM), one, ("tree",))
    scores = compared(analyse(forks(), UNIT), graph, 1.0)
    assert scores.right_parent == scores.right_generation == 1
    assert (scores.generation_rank_correlation, scores.generation_bias) == (pytest.approx(1), 0)
    z, y, x = FORKS_MM[4]
    turned = compared(analyse(forks(), UNIT, AnalysisSettings(root=(f"{x},{y},{z}",))), graph, 1.0)
    assert turned.right_parent < 0.7


def test_shares_of_two_systems():
    first = drawn([[10, 20, 0], [14, 20, 60]], [(0, 1)], [3], (24, 40, 64), UNIT)
    second = drawn([[10, 0, 30], [18, 40, 30]], [(0, 1)], [2.4], (24, 40, 64), UNIT)
    pair = Pair("crossing", (first, second), Volume(first, UNIT), ("0,20,10", "30,0,10"))
    tree = taken_apart(pair, pair.roots)
    assert right_share(tree, pair.masks) > 0.95
    exchanged = (second, first)
    assert right_share(tree, exchanged) < 0.2
    assert best_share(tree, exchanged) == right_share(tree, pair.masks)


def test_copies_lie_side_by_side():
    mask = np.ones((2, 3), dtype=bool)
    large = side_by_side(mask, (6, 9))
    assert large.sum() == 4 * mask.sum()
    assert np.flatnonzero(~large.any(axis=0)).tolist() == [3, 4, 8]
    with pytest.raises(ValueError, match="no room"):
        side_by_side(mask, (1, 9))

"""What random points on the centreline get."""

import numpy as np
import pytest

from ramify.metrics.junctions_by_chance import DRAWS, junction_f1_by_chance
from ramify.vessels.branches import trace_branches
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph


def comb(teeth: int, apart: int = 40, length: int = 40) -> CentrelineGraph:
    """A bar with teeth: as many junctions, far from each other."""
    skeleton = np.zeros((length + 3, apart * (teeth + 1)), dtype=bool)
    skeleton[1, 1:-1] = True
    skeleton[2 : 2 + length, apart * np.arange(1, teeth + 1)] = True
    return centreline_graph(trace_branches(skeleton), (1.0, 1.0))


def test_expected_share_of_a_comb():
    """Closed form: a junction is matched if one of n points falls in its three arms of length d, of a length L."""
    teeth, tolerance = 20, 5.0
    graph = comb(teeth)
    share = 3 * tolerance / graph.length_mm
    expected = 1 - (1 - share) ** teeth
    # The standard error of DRAWS draws of 20 junctions, each matched or not.
    error = np.sqrt(expected * (1 - expected) / (teeth * DRAWS))
    assert junction_f1_by_chance(graph, graph, tolerance) == pytest.approx(expected, abs=3 * error)


def test_a_wide_tolerance_is_reached_by_anything():
    assert junction_f1_by_chance(comb(5), comb(5), 1000.0) == 1.0
    assert junction_f1_by_chance(comb(5), comb(5), 0.0) == 0.0


def test_as_many_points_as_the_prediction_has_junctions():
    # Of ten points at most ten are matched: 2 * 10 / (10 + 5), however wide.
    assert junction_f1_by_chance(comb(10), comb(5), 1000.0) == pytest.approx(2 * 5 / 15)


def test_the_same_graphs_give_the_same_value():
    assert junction_f1_by_chance(comb(7), comb(9), 6.0) == junction_f1_by_chance(comb(7), comb(9), 6.0)


def test_without_junctions_it_is_as_for_junctions():
    line = centreline_graph(trace_branches(np.ones((1, 9), dtype=bool)), (1.0, 1.0))
    nothing = centreline_graph(trace_branches(np.zeros((3, 9), dtype=bool)), (1.0, 1.0))
    assert junction_f1_by_chance(line, line, 3.0) == junction_f1_by_chance(nothing, line, 3.0) == 1.0
    assert junction_f1_by_chance(line, comb(2), 3.0) == junction_f1_by_chance(comb(2), nothing, 3.0) == 0.0

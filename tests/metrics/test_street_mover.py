import numpy as np
import pytest
from hypothesis import given, settings

from ramify.metrics.family_settings import StreetMoverSettings
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.measure import Scores
from ramify.metrics.street_mover import (
    STREET_MOVER_MEASURES,
    points_along,
    sampling_floor_mm,
    score_street_mover,
    street_mover_mm,
)
from ramify.vessels.branches import trace_branches
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph
from tests.metrics.drawn_masks import drawn, mask_pairs


def line(rows: int, row: int, first: int, last: int, columns: int = 60) -> np.ndarray:
    mask = np.zeros((rows, columns), dtype=bool)
    mask[row, first : last + 1] = True
    return mask


def graph_of(skeleton: np.ndarray, spacing_mm: tuple[float, ...] = (1.0, 1.0)) -> CentrelineGraph:
    return centreline_graph(trace_branches(skeleton), spacing_mm)


def scored(prediction: np.ndarray, target: np.ndarray, spacing_mm: tuple[float, ...], points: int = 50) -> Scores:
    analyses = [MaskAnalysis(mask, spacing_mm) for mask in (prediction, target)]
    return score_street_mover(analyses[0], analyses[1], StreetMoverSettings(points=points))


def test_points_are_spread_evenly_over_the_length():
    points = points_along(graph_of(line(3, 1, 0, 40), (1.0, 0.5)), 10)
    np.testing.assert_allclose(points, [[1.0, 1.0 + 2.0 * i] for i in range(10)])


def test_longer_branches_get_more_points():
    skeleton = line(9, 1, 0, 40) | line(9, 7, 0, 10)
    points = points_along(graph_of(skeleton), 100)
    assert np.count_nonzero(points[:, 0] == 1.0) == 80
    assert np.count_nonzero(points[:, 0] == 7.0) == 20


def test_parallel_lines_are_as_far_apart_as_they_are():
    near, far = graph_of(line(9, 1, 0, 40), (2.0, 1.0)), graph_of(line(9, 7, 0, 40), (2.0, 1.0))
    assert street_mover_mm(near, far, 100) == pytest.approx(6 * 2.0)


def test_a_line_half_as_long_is_a_quarter_of_its_length_away():
    # Uniform on [0, 40] against uniform on [0, 20]: the integral of |F - G|, 40 / 4.
    whole, half = graph_of(line(3, 1, 0, 40)), graph_of(line(3, 1, 0, 20))
    assert street_mover_mm(half, whole, 400) == pytest.approx(10.0, abs=0.01)


def test_half_of_a_tree_moves_half_of_the_way():
    both = line(21, 0, 0, 40) | line(21, 20, 0, 40)
    assert street_mover_mm(graph_of(line(21, 0, 0, 40)), graph_of(both), 100) == pytest.approx(10.0, abs=0.3)


def test_the_floor_of_a_line_is_half_a_step():
    assert sampling_floor_mm(graph_of(line(3, 1, 0, 40)), 20) == pytest.approx(40 / 20 / 2)
    # 41 voxels from tip to tip.
    assert scored(line(3, 1, 0, 40), line(3, 1, 0, 40), (1.0, 1.0), 20) == {
        "street_mover_mm": 0.0,
        "street_mover_floor_mm": pytest.approx(41 / 20 / 2),
    }


def test_the_floor_is_computed_once_for_a_target(monkeypatch: pytest.MonkeyPatch):
    target = MaskAnalysis(line(9, 4, 0, 40), (1.0, 1.0))
    calls = []

    def counted(graph: CentrelineGraph, points: int) -> float:
        calls.append(points)
        return sampling_floor_mm(graph, points)

    monkeypatch.setattr("ramify.metrics.street_mover.sampling_floor_mm", counted)
    for row in (3, 4, 5):
        prediction = MaskAnalysis(line(9, row, 0, 40), (1.0, 1.0))
        score_street_mover(prediction, target, StreetMoverSettings(points=30))
    assert calls == [30]


def test_vessels_thinned_to_points_share_the_samples():
    skeleton = drawn("""
        #........
        .........
        ........#
    """)
    points = points_along(graph_of(skeleton, (1.0, 1.0)), 10)
    assert sorted(points.tolist()) == [[0.0, 0.0]] * 5 + [[2.0, 8.0]] * 5


def test_empty_masks():
    mask, empty = line(3, 1, 0, 40), np.zeros((3, 60), dtype=bool)
    spacing = (2.0, 1.0)
    diagonal = np.hypot(6.0, 60.0)
    assert scored(empty, empty, spacing) == {"street_mover_mm": 0.0, "street_mover_floor_mm": 0.0}
    assert scored(mask, empty, spacing) == {"street_mover_mm": diagonal, "street_mover_floor_mm": 0.0}
    assert scored(empty, mask, spacing, 20) == {
        "street_mover_mm": diagonal,
        "street_mover_floor_mm": pytest.approx(41 / 20 / 2, rel=0.03),
    }


def test_an_empty_graph_has_no_points():
    empty = graph_of(np.zeros((3, 4), dtype=bool))
    with pytest.raises(ValueError, match="got an empty graph"):
        points_along(empty, 5)


@settings(deadline=None)
@given(mask_pairs())
def test_properties_on_random_masks(pair: tuple[np.ndarray, np.ndarray]):
    prediction, target = pair
    spacing = (0.5, 2.0, 1.5)[: target.ndim]
    scores = scored(prediction, target, spacing, 20)
    assert list(scores) == [measure.name for measure in STREET_MOVER_MEASURES]
    assert scored(target, target, spacing, 20)["street_mover_mm"] == 0.0
    distance = scores["street_mover_mm"]
    assert distance is not None
    assert distance <= np.linalg.norm(np.multiply(target.shape, spacing))
    twice = scored(prediction, target, tuple(2 * side for side in spacing), 20)
    assert twice["street_mover_mm"] == pytest.approx(2 * distance, rel=1e-12)
    # With background on all sides: a vessel that leaves the volume is thought to go on.
    padded, shifted = ([np.pad(mask, [by] * mask.ndim) for mask in pair] for by in ((1, 1), (3, 2)))
    if prediction.any() and target.any():
        there, here = (scored(masks[0], masks[1], spacing, 20)["street_mover_mm"] for masks in (shifted, padded))
        assert there == pytest.approx(here, abs=1e-8)

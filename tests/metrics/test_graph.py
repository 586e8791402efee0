import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from ramify.metrics.family_settings import GraphSettings
from ramify.metrics.graph import GRAPH_MEASURES, graph_size, relative_accuracy, score_graph
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.measure import Scores
from tests.metrics.drawn_masks import drawn, mask_pairs

Y = drawn("""
    .#.......#.
    ..#.....#..
    ...#...#...
    ....#.#....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
    .....#.....
""")


def scored(
    prediction: np.ndarray, target: np.ndarray, spacing_mm: tuple[float, ...], tolerance_mm: float | None = None
) -> Scores:
    analyses = [MaskAnalysis(mask, spacing_mm) for mask in (prediction, target)]
    return score_graph(analyses[0], analyses[1], GraphSettings(junction_tolerance_mm=tolerance_mm))


def tube(*segments: tuple[tuple[int, int, int], tuple[int, int, int]]) -> np.ndarray:
    """Axis-aligned tubes three voxels wide."""
    mask = np.zeros((30, 30, 30), dtype=bool)
    for start, stop in segments:
        mask[tuple(slice(low - 1, high + 2) for low, high in zip(start, stop))] = True
    return mask


def test_size_of_a_y():
    size = graph_size(MaskAnalysis(Y, (1.0, 2.0)).centreline)
    # From tip to tip: half a pixel more at each end, along an arm's diagonal and down the stem.
    arm, stem = np.hypot(1 * 1, 2 * 2) / np.hypot(1, 2) / 2, 1 / 2
    assert size == (pytest.approx(2 * 4 * np.hypot(1, 2) + 4 + 2 * arm + stem), 1, 3)


def test_size_of_tubes_in_a_volume():
    # From tip to tip, 26 voxels along one and the other axis.
    trunk = ((15, 15, 3), (15, 15, 26))
    straight = graph_size(MaskAnalysis(tube(trunk), (1.0, 1.0, 2.0)).centreline)
    assert straight == (pytest.approx(26 * 2.0, abs=4.0), 0, 2)
    cross = graph_size(MaskAnalysis(tube(trunk, ((3, 15, 14), (26, 15, 14))), (1.0, 1.0, 2.0)).centreline)
    assert cross[1:] == (1, 4)
    assert cross.length_mm == pytest.approx(26 * 2.0 + 26 * 1.0, abs=6.0)


def test_relative_accuracy():
    assert relative_accuracy(10, 10) == 1.0
    assert relative_accuracy(8, 10) == relative_accuracy(12, 10) == pytest.approx(0.8)
    assert relative_accuracy(0, 10) == relative_accuracy(20, 10) == relative_accuracy(35, 10) == 0.0
    assert relative_accuracy(0, 0) == 1.0
    assert relative_accuracy(1, 0) == 0.0


def test_a_lost_branch_lowers_counts_and_length():
    stump = Y.copy()
    stump[:4, 6:] = False
    scores = scored(stump, Y, (1.0, 1.0))
    # 4 diagonal steps of the 8 are gone, one of three ends and the only junction; where it was a bend is left, which
    # smoothing rounds. At a tip, half a pixel's diagonal or side is added.
    arm, stem = 4.5 * np.sqrt(2), 4.5
    assert scores["length_accuracy"] == pytest.approx((arm + stem) / (2 * arm + stem), abs=0.02)
    assert scores["length_precision"] == 1.0
    assert scores["length_recall"] == pytest.approx((arm + stem) / (2 * arm + stem), abs=0.06)
    assert scores["branch_detection_rate"] == pytest.approx(2 / 3)
    assert scores["endpoint_accuracy"] == pytest.approx(2 / 3)
    assert scores["bifurcation_accuracy"] == scores["junction_f1"] == 0.0
    assert scores["opt_j_f1"] == pytest.approx(8 / 10)


def test_a_line_has_no_junctions_to_lose():
    line = np.zeros((5, 20), dtype=bool)
    line[2] = True
    assert all(value == 1.0 for value in scored(line, line, (1.0, 1.0)).values())
    longer = scored(line, line & (np.arange(20) < 16), (1.0, 1.0))
    assert longer["length_accuracy"] == pytest.approx(1 - 4 / 16)
    assert longer["bifurcation_accuracy"] == 1.0


def test_the_tolerance_is_three_of_the_coarsest_voxels_unless_given():
    mask = MaskAnalysis(Y, (1.0, 2.0))
    assert GraphSettings().tolerance_mm(mask) == 6.0
    assert GraphSettings(junction_tolerance_mm=1.25).tolerance_mm(mask) == 1.25
    padded = np.pad(Y, 8)
    aside = np.roll(padded, 2, axis=1)
    assert scored(aside, padded, (1.0, 2.0))["junction_f1"] == 1.0
    assert scored(aside, padded, (1.0, 2.0), 3.9)["junction_f1"] == 0.0


def test_a_negative_tolerance_is_refused():
    with pytest.raises(ValidationError):
        GraphSettings(junction_tolerance_mm=-1)


@pytest.mark.parametrize("shape", [(6, 7), (4, 5, 6)])
def test_empty_masks(shape: tuple[int, ...]):
    empty, full = np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool)
    spacing = (1.0,) * len(shape)
    names = [measure.name for measure in GRAPH_MEASURES]
    assert scored(empty, empty, spacing) == dict.fromkeys(names, 1.0)
    assert scored(empty, full, spacing) == scored(full, empty, spacing) == dict.fromkeys(names, 0.0)


@settings(deadline=None)
@given(mask_pairs())
def test_properties_on_random_masks(pair: tuple[np.ndarray, np.ndarray]):
    prediction, target = pair
    spacing = (0.5, 2.0, 1.5)[: target.ndim]
    scores = scored(prediction, target, spacing)
    assert sorted(scores) == sorted(measure.name for measure in GRAPH_MEASURES)
    assert all(value is not None and 0 <= value <= 1 for value in scores.values())
    perfect = scored(target, target, spacing)
    assert all(value == 1.0 for name, value in perfect.items() if name != "junction_f1_chance")
    assert scored(prediction, target, tuple(2 * side for side in spacing)) == scores
    if target.ndim == 2 or target.shape[0] > 1:  # a volume of one slice is thinned as a plane; padded, it is none
        # With background on all sides: a vessel that leaves the volume is thought to go on.
        here, there = ([np.pad(mask, [by] * mask.ndim) for mask in pair] for by in ((1, 1), (3, 2)))
        assert scored(there[0], there[1], spacing) == pytest.approx(scored(here[0], here[1], spacing))

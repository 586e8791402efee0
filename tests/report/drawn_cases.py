"""Small masks for the tests of reports, on a grid that lies askew in the patient."""

import numpy as np

from ramify.data.volume import Volume
from ramify.metrics.case import analyse_pair, score_pair
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.table import build_report
from ramify.report.case_view import CaseView, view_case

SPACING = (2.0, 0.75, 1.25)
ORIGIN = (10.0, -20.0, 30.0)


def turned(degrees: tuple[float, float, float], mirrored: bool = False) -> tuple[tuple[float, ...], ...]:
    """A rotation about the three axes one after the other, with the last axis reversed if mirrored."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        i, j = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    if mirrored:
        matrix[:, 2] *= -1
    return tuple(tuple(row) for row in matrix.tolist())


OBLIQUE = turned((20.0, -35.0, 50.0))


def oblique(mask: np.ndarray, direction: tuple[tuple[float, ...], ...] = OBLIQUE) -> Volume:
    return Volume(mask, SPACING, ORIGIN, direction)


def analysed(mask: np.ndarray, spacing_mm: tuple[float, ...] = SPACING) -> MaskAnalysis:
    return MaskAnalysis(mask, spacing_mm)


def fork(shape: tuple[int, int, int] = (13, 40, 31)) -> np.ndarray:
    """A thick stem along y that splits into two thinner arms along x."""
    mask = np.zeros(shape, dtype=bool)
    mask[4:9, 2:28, 13:18] = True
    mask[5:8, 26:29, 2:29] = True
    return mask


def fork_2d() -> np.ndarray:
    mask = np.zeros((30, 40), dtype=bool)
    mask[4:20, 18:23] = True
    mask[18:21, 4:37] = True
    return mask


def without_left_arm(mask: np.ndarray) -> np.ndarray:
    cut = mask.copy()
    cut[..., :9] = False
    return cut


def drawn_report(
    cases: dict[str, tuple[np.ndarray, np.ndarray]],
    failed: dict[str, str] | None = None,
    settings: EvaluationSettings | None = None,
) -> tuple[dict, dict[str, CaseView]]:
    """Report and views of pairs (prediction, truth), by case id."""
    settings = settings or EvaluationSettings()
    rows, views = {}, {}
    for case_id, pair in cases.items():
        spacing = SPACING[-pair[0].ndim :]
        prediction, target = analyse_pair(*pair, spacing, settings)
        rows[case_id] = score_pair(prediction, target, settings)
        views[case_id] = view_case(prediction, target, Volume(pair[1], spacing))
    return build_report(rows, failed or {}, {"commit": "abc123", "numpy": "2"}, settings), views

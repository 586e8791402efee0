"""The threshold of a precision: by hand, on other patients than those it is tried on, and inside the region."""

import gc
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ramify.data.volume import Volume
from ramify.experiments import probability_scores
from ramify.experiments.held_out import HeldOutCase
from ramify.experiments.operating_point import (
    LEVELS,
    Counts,
    average_precision,
    best_threshold,
    counts_of,
    cross_fitted_thresholds,
    threshold_of,
)
from ramify.experiments.probability_scores import score_probabilities
from ramify.experiments.settings import Further
from ramify.metrics.settings import EvaluationSettings
from ramify.training.run_folder import RunFolder


def counted(levels: list[int], truth: list[int], region: list[int] | None = None) -> Counts:
    """A case of one row."""
    inside = None if region is None else np.array([region], bool)
    return counts_of(np.array([levels], np.uint16), np.array([truth], bool), inside)


def precise(counts: dict[str, Counts], patient_of: dict[str, str], precision: float) -> dict[str, int | None]:
    return cross_fitted_thresholds(counts, patient_of, partial(threshold_of, precision=precision))


def test_threshold_by_hand():
    vessel, voxels = np.array([0, 1, 2, 4]), np.array([10, 4, 4, 5])  # precisions 7/23, 7/13, 6/9, 4/5
    assert threshold_of(vessel, voxels, 0.3) == 0
    assert threshold_of(vessel, voxels, 0.5) == 1
    assert threshold_of(vessel, voxels, 0.6) == 2
    assert threshold_of(vessel, voxels, 0.8) == 3


def test_the_threshold_with_the_highest_dice_by_hand():
    vessel, voxels = np.array([0, 1, 2, 4]), np.array([10, 4, 4, 5])  # Dice 14/30, 14/20, 12/16, 8/12
    assert best_threshold(vessel, voxels) == 2
    assert best_threshold(np.array([0, 3]), np.array([9, 3])) == 1
    assert best_threshold(np.array([0, 0]), np.array([9, 3])) is None


@pytest.mark.parametrize("levels", [5, 200])
def test_average_precision_by_its_definition(levels):
    """Σ (R_n − R_{n−1}) P_n, a mask at each distinct probability."""
    draw = np.random.default_rng(levels)
    truth, scores = draw.random(3000) < 0.2, draw.integers(0, levels, 3000)
    scores = np.where(truth, np.minimum(scores + levels // 5, levels - 1), scores).astype(np.uint16)
    found = average_precision(*counts_of(scores[None], truth[None]))
    expected, recall = 0.0, 0.0
    for value in np.unique(scores)[::-1]:
        mask = scores >= value
        hits = (mask & truth).sum()
        expected += (hits / truth.sum() - recall) * hits / mask.sum()
        recall = hits / truth.sum()
    assert found == pytest.approx(expected)
    assert average_precision(*counts_of(scores[None], np.zeros_like(truth)[None])) is None


def test_a_precision_that_is_never_reached_has_no_level():
    vessel, voxels = np.array([1, 2, 0]), np.array([5, 4, 1])  # precisions 3/10, 2/5, 0/1
    assert threshold_of(vessel, voxels, 0.4) == 1
    assert threshold_of(vessel, voxels, 0.41) is None
    assert threshold_of(np.array([0, 0, 0, 0]), np.array([5, 4, 1, 0]), 0.1) is None  # nothing to find there
    unsure = counted([3, 3, 3, 3], [1, 0, 0, 0])
    sure = counted([9, 5, 5, 5], [1, 0, 0, 0])
    assert precise({"a": unsure, "b": sure}, {}, 0.5) == {"a": 6, "b": None}


def test_a_threshold_is_chosen_on_other_patients():
    sure = counted([9, 9, 9, 5], [1, 1, 1, 0])  # precise from level 6 on, just above the false alarm
    unsure = counted([3, 3, 3, 2], [1, 1, 1, 0])  # precise from level 3 on
    cases = {"a1": sure, "b1": unsure, "a2": sure}
    found = precise(cases, {"a1": "a", "a2": "a", "b1": "b"}, 0.9)
    assert found == {"a1": 3, "b1": 6, "a2": 3}


def test_what_lies_outside_the_region_does_not_count():
    # The false alarm at level 9 is outside; inside, all from level 4 on is vessel.
    case = counted([9, 4, 4, 3], [0, 1, 1, 0], [0, 1, 1, 1])
    assert set(precise({"a": case, "b": case}, {}, 0.9).values()) == {4}
    everywhere = counted([9, 4, 4, 3], [0, 1, 1, 0])
    assert set(precise({"a": everywhere, "b": everywhere}, {}, 0.6).values()) == {4}  # two of three


def test_the_highest_level_is_a_level():
    case = counted([LEVELS - 1, 0], [1, 0])
    assert set(precise({"a": case, "b": case}, {}, 0.9).values()) == {1}


def test_one_patient_is_too_few():
    case = counted([1, 0], [1, 0])
    with pytest.raises(ValueError, match="and here is one; take fewer folds"):
        precise({"a": case, "b": case}, {"a": "p", "b": "p"}, 0.9)


@pytest.mark.integration
def test_memory_does_not_grow_with_the_cases(monkeypatch):
    """What is kept of a case is its counts, 1 MB, and not its 2 million voxels."""
    shape, kept = (32, 256, 256), []

    def cases(*_: object) -> Iterator[HeldOutCase]:
        for name in "abcd":
            gc.collect()
            kept.append(tracemalloc.get_traced_memory()[0])
            truth = np.zeros(shape, bool)
            truth[8:24, 8:24, 8:24] = True
            spacing = (1.0, 1.0, 1.0)
            image = Volume(truth.astype(np.float32), spacing)
            yield HeldOutCase(name, {"image": image}, None, image.with_array(truth), np.ones(shape, bool))

    fold = {"train": ["t"], "val": list("abcd")}
    monkeypatch.setattr(probability_scores, "cases_of", cases)
    monkeypatch.setattr(probability_scores, "probabilities_of", lambda case, *_: case.image.array)
    monkeypatch.setattr(probability_scores, "Predictor", lambda *_: None)
    monkeypatch.setattr(probability_scores, "patients_of", lambda _: {})
    monkeypatch.setattr(probability_scores, "load_fold", lambda *_: fold)
    further = Further(EvaluationSettings(measures=("overlap",)), at_precision=0.9)
    run: Any = SimpleNamespace(
        folder=RunFolder(Path()),
        fold=0,
        settings=SimpleNamespace(device="cpu", cases=Path(), splits=None),
        further=further,
        evaluation=further.evaluation,
    )
    tracemalloc.start()
    try:
        scores = score_probabilities(run).rows
    finally:
        tracemalloc.stop()
    assert [row["at_precision_dice"] for row in scores.values()] == [1.0] * 4
    # From the second case on: at the first, none is there that was predicted before.
    assert all(later - kept[1] < 2**22 for later in kept[2:])

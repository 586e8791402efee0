"""What measures say of predictions whose faults are known, as rows of `benchmarks.scale_meaning`."""

from pathlib import Path

import numpy as np

from benchmarks.meaning_row import Case, Mask, Row, ircadb_masks, liver_trees, spread, with_noise
from benchmarks.meaning_shapes import CUBES, trunk_with_side_vessels
from ramify.console.progress import followed
from ramify.metrics.case import evaluate_case
from ramify.metrics.settings import EvaluationSettings

GRAPH = EvaluationSettings(measures=("overlap", "centreline", "graph"))


def without_side_vessels() -> Mask:
    """The trunk with four of its eight side vessels."""
    mask = trunk_with_side_vessels()
    # Those at even places begin at 12, 26, 40 and 54; the trunk takes 26 to 32 on both other axes.
    for first in range(12, 55, 14):
        mask[first : first + 2, :26] = mask[first : first + 2, 33:] = False
        mask[first : first + 2, :, :26] = mask[first : first + 2, :, 33:] = False
    return mask


def missed_side_vessels(_: Path) -> str:
    """Scores of the trunk with four of its eight side vessels."""
    scores = evaluate_case(without_side_vessels(), trunk_with_side_vessels(), CUBES, GRAPH)
    names = ("cldice", "tsens", "length_recall", "branch_detection_rate", "endpoint_accuracy", "junction_f1")
    return ", ".join(f"{name} {scores[name] or 0.0:.3f}" for name in names)


def beside_chance(cases: list[Case]) -> str:
    """Junction F1 of masks of which 5 % of the wall flipped, and of as many random points."""
    found, by_chance = [], []
    for mask, spacing in followed(cases, "chance", "mask", len(cases)):
        scores = evaluate_case(with_noise(mask, 0.05, 0), mask, spacing, GRAPH)
        found.append(scores["junction_f1"] or 0.0)
        by_chance.append(scores["junction_f1_chance"] or 0.0)
    return f"{spread(found)}; by chance {spread(by_chance)}"


def on_a_coarser_grid(cases: list[Case]) -> str:
    """Scores of masks brought to voxels twice as wide and back, against the masks: each block by its majority."""
    names = ("dice", "length_accuracy", "bifurcation_accuracy", "endpoint_accuracy", "junction_f1")
    rows = []
    for mask, spacing in followed(cases, "coarser", "mask", len(cases)):
        even = mask[tuple(slice(size // 2 * 2) for size in mask.shape)]
        blocks = even.reshape([n for size in even.shape for n in (size // 2, 2)]).mean(axis=(1, 3, 5)) >= 0.5
        scores = evaluate_case(np.kron(blocks, np.ones((2, 2, 2), dtype=bool)), even, spacing, GRAPH)
        rows.append([scores[name] or 0.0 for name in names])
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(names, np.median(rows, axis=0), strict=True))


MEASURES = {
    "missed-side-vessels": Row("four of eight side vessels missed: scores", "none is 1", missed_side_vessels, False),
    "chance": Row(
        "junction F1 where 5 % of the wall flipped, 3D-IRCADb", "", lambda data: beside_chance(ircadb_masks(data))
    ),
    "coarser": Row(
        "voxels twice as wide and back, ten liver trees: medians",
        "",
        lambda data: on_a_coarser_grid(liver_trees(data)),
    ),
}

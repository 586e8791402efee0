"""Scores and prepared cases, as rows of `benchmarks.scale_meaning`: what is measured of vessels, and learned."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks import preparation_meaning
from benchmarks.meaning_row import Row, liver_trees, part_with_vessels, with_noise
from ramify.console.progress import followed
from ramify.metrics.case import evaluate_case


def prepared(rows: Iterable[preparation_meaning.Row]) -> str:
    """Rows of `benchmarks.preparation_meaning`: cut before the scales were made and, after an arrow, after that."""
    return "; ".join(
        f"{row.name} {row.after:.3f}" if row.before is None else f"{row.name} {row.before:.3f} -> {row.after:.3f}"
        for row in rows
    )


def orientations(data: Path) -> str:
    """Largest difference of any measure over the 48 ways to store one pair."""
    mask, spacing = part_with_vessels(data / "liver_trees" / "case0226.nii.gz")
    rough = ndimage.median_filter(mask.astype(np.uint8), 3) > 0
    prediction = rough | np.roll(rough, 1, axis=1)
    ways = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))
    rows = []
    for axes, steps in followed(ways, "orientations", "way", len(ways)):
        backwards = tuple(slice(None, None, step) for step in steps)
        one, other = (np.ascontiguousarray(each.transpose(axes)[backwards]) for each in (prediction, mask))
        rows.append(evaluate_case(one, other, [spacing[axis] for axis in axes]))
    numbers = np.array([[value for value in row.values() if isinstance(value, float)] for row in rows])
    return f"{np.max(np.ptp(numbers, axis=0)):.3g}"


def noise_scores(data: Path) -> str:
    """Scores of masks of which 5 % of the wall's voxels flipped, against the masks as they were."""
    names = ("dice", "bifurcation_accuracy", "endpoint_accuracy", "length_accuracy", "junction_f1")
    cases = liver_trees(data)
    rows = []
    for mask, spacing in followed(cases, "scores", "mask", len(cases)):
        scores = evaluate_case(with_noise(mask, 0.05, 0), mask, spacing)
        rows.append([float(scores[name] or 0.0) for name in names])
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(names, np.median(rows, axis=0), strict=True))


SCORES = {
    "case-17": Row(
        "case 17, rims of the vena cava",
        "2 % at most",
        lambda data: prepared(preparation_meaning.rows_of_case_17(data / "ircadb")),
    ),
    "prepared": Row(
        "ten masks on 256 x 256 x 128",
        "agreement .95",
        lambda data: prepared(preparation_meaning.rows_of_masks(data / "ircadb_masks")),
    ),
    "orientations": Row("one pair stored in 48 ways: largest difference of any measure", "0", orientations),
    "noise-scores": Row("5 % of the wall flipped, ten liver trees: medians", "bifurcations .6", noise_scores),
}

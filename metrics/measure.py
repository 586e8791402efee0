"""What a measure is besides its value: name, unit, range, which direction is better, and where it comes from."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from metrics.mask_analysis import MaskAnalysis

Better = Literal["higher", "lower"]
EmptyRule = Literal["overlap", "distance", "measured"]
Scores = dict[str, float | None]
"""Measure name -> value; None where it is undefined for the case (a scale the truth does not have)."""


@dataclass(frozen=True)
class Measure:
    """A measure of a prediction against its target, as tables, docs, report and statistics know it.

    name: key in JSON and CSV, with the unit at its end where it has one (`hd_mm`).
    formula: in words and signs, P prediction, T target, as in docs/metrics.md.
    better: which direction is better.
    lowest, highest: its range; inf where there is no bound.
    unit: `mm`, or empty for shares and counts.
    source: paper and equation, or the tool whose convention it follows.
    empty: what it is where a mask is empty. `overlap`: 1 if both are, 0 if one is. `distance`: 0 if both are, the
        volume's diagonal if one is. `measured`: its formula holds for empty masks too.
    """

    name: str
    formula: str
    better: Better
    lowest: float
    highest: float
    unit: str
    source: str
    empty: EmptyRule


def diagonal_mm(mask: MaskAnalysis) -> float:
    """Length of the volume's diagonal, outer corner to outer corner: sqrt(Σ (n_i · s_i)²)."""
    return math.hypot(*(count * step for count, step in zip(mask.shape, mask.spacing_mm, strict=True)))


def scores_if_empty(measures: Iterable[Measure], prediction: MaskAnalysis, target: MaskAnalysis) -> Scores | None:
    """The values agreed upon where at least one mask is empty, None where neither is."""
    if not (prediction.is_empty or target.is_empty):
        return None
    both = prediction.is_empty and target.is_empty
    by_rule = {"overlap": float(both), "distance": 0.0 if both else diagonal_mm(target)}
    return {measure.name: by_rule[measure.empty] for measure in measures if measure.empty in by_rule}

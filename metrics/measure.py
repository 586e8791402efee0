"""What a measure is besides its value: name, unit, range, which direction is better, and where it comes from.

Measures that are computed together are a family.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import Any, Literal

from ramify.metrics.mask_analysis import MaskAnalysis

DEFINITIONS = 2
"""Raised when a measure of the same name comes to mean something else; scores of two numbers are not compared.

2: trees are analysed before they are cut to an organ, masks are laid down before they are thinned, and graphs are
pruned.
"""

Better = Literal["higher", "lower"]
EmptyRule = Literal["agreement", "error", "distance", "measured"]
Scores = Mapping[str, float | None]
"""Measure name -> value; None where it is undefined for the case (a scale the truth does not have)."""


@dataclass(frozen=True)
class Measure:
    """A measure of a prediction against its target, as tables, docs, report and statistics know it.

    name: key in JSON and CSV, with the unit at its end where it has one (`hd_mm`).
    formula: in words and signs, P prediction, T target.
    better: which direction is better.
    highest: the upper end of its range; inf where there is no bound. The lower end is 0.
    source: paper and equation, or the tool whose convention it follows.
    empty: what it is where a mask is empty, both only if the settings count that. `agreement`: 1 if both are, 0 if one
        is. `error`: 0 if both are, 1 if one is. `distance`: 0 if both are, the volume's diagonal if one is. `measured`:
        its formula holds for empty masks.
    unit: `mm`, `voxels` or another; empty for shares and counts.
    shown: whether it has a column on the screen.
    """

    name: str
    formula: str
    better: Better
    highest: float
    source: str
    empty: EmptyRule
    unit: str = ""
    shown: bool = False

    @property
    def range(self) -> str:
        """The range in words, such as `0 to 1`."""
        if self.empty == "distance":
            return "0 to the diagonal"
        return "0 and up" if math.isinf(self.highest) else f"0 to {self.highest:g}"


@dataclass(frozen=True)
class Family:
    """Measures that are computed together.

    Both functions get the family's own settings: the section of its name in the settings of an evaluation, or None.
    """

    measures: Callable[[Any], tuple[Measure, ...]]
    """What it measures with some settings."""
    score: Callable[[MaskAnalysis, MaskAnalysis, Any], Scores]
    """The value of each for a prediction and its target, by name."""
    fast: bool = True
    """Whether it is computed without being asked for."""
    needs_spacing: bool = True
    """Whether it is of lengths; otherwise voxels may be taken for cubes where nobody knows their size."""


def diagonal_mm(mask: MaskAnalysis) -> float:
    """Length of the volume's diagonal, outer corner to outer corner: sqrt(Σ (n_i · s_i)²).

    It stands for the distance to a mask that is not there. Two voxel centres of the volume are always nearer to each
    other than that, so a missed case is worse than any found one.
    """
    return math.hypot(*(count * step for count, step in zip(mask.shape, mask.spacing_mm, strict=True)))


def scores_if_no_centreline(
    measures: Iterable[Measure], target: MaskAnalysis, line_of: Callable[[MaskAnalysis], Sized]
) -> dict[str, None] | None:
    """No value for any measure where the target has vessels in the region, but no point of their lines; else None.

    So it is with a rim that an organ holds of a vessel beside it: 0 of 0 is found, whatever the prediction is.
    line_of: the points of a mask's skeleton, or of its pruned curves.
    """
    if target.is_empty or len(line_of(target)) or not len(line_of(target.tree)):
        return None
    return dict.fromkeys(measure.name for measure in measures)


def scores_if_empty(
    measures: Iterable[Measure], prediction: MaskAnalysis, target: MaskAnalysis
) -> dict[str, float] | None:
    """The values agreed upon where at least one mask is empty, None where neither is.

    Measures of the rule `measured` are not among them.
    """
    if not (prediction.is_empty or target.is_empty):
        return None
    both = prediction.is_empty and target.is_empty
    by_rule = {"agreement": float(both), "error": float(not both), "distance": 0.0 if both else diagonal_mm(target)}
    return {measure.name: by_rule[measure.empty] for measure in measures if measure.empty in by_rule}

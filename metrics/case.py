"""Every measure of one case as one flat row."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, Field, field_validator

from ramify.metrics.centreline import CENTRELINE_MEASURES, score_centreline
from ramify.metrics.graph import GRAPH_MEASURES, GraphSettings, score_graph
from ramify.metrics.mask_analysis import MaskAnalysis, SkeletonMethod
from ramify.metrics.masks import Mask, check_pair
from ramify.metrics.measure import Measure, Scores
from ramify.metrics.overlap import OVERLAP_MEASURES, score_overlap
from ramify.metrics.scales import scale_measures, score_scales
from ramify.metrics.street_mover import STREET_MOVER_MEASURES, StreetMoverSettings, score_street_mover
from ramify.metrics.surface import SURFACE_MEASURES, SurfaceSettings, score_surface
from ramify.metrics.topology import TopologySettings, score_topology, topology_measures
from ramify.vessels.scale_settings import ScaleSettings

FLAGS = ("empty_prediction", "empty_truth")

_BOTH_EMPTY = {
    "left_out": (
        "Both masks empty: no measure has a value; the case (or the class of a case) is counted as both empty and is "
        "in no mean."
    ),
    "perfect": "Both masks empty: overlaps and clDice 1, distances and errors 0.",
}
_ONE_EMPTY = (
    "One mask empty: overlaps and clDice 0, distances the diagonal of the volume in mm; counts are compared as they "
    "are. Such cases are flagged and counted, and stay in every mean. A case that could not be evaluated is under "
    "failed and in no mean."
)

CaseScores = dict[str, float | bool | None]


class EvaluationSettings(BaseModel, frozen=True, extra="forbid"):
    """What is measured, and how."""

    measures: tuple[str, ...] = ()
    """Families of measures, such as overlap centreline surface topology, or all; without any, the fast ones."""
    skeleton: SkeletonMethod = "guarded"
    """Whose thinning: `guarded` loses no vessel, `scikit-image` compares with numbers published elsewhere."""
    both_empty: Literal["left_out", "perfect"] = "left_out"
    """Where neither mask has a voxel, such as a class that a patient lacks: in no mean, or scored as perfect."""
    surface: SurfaceSettings = Field(default_factory=SurfaceSettings)
    topology: TopologySettings = Field(default_factory=TopologySettings)
    graph: GraphSettings = Field(default_factory=GraphSettings)
    street_mover: StreetMoverSettings = Field(default_factory=StreetMoverSettings)
    scales: ScaleSettings = Field(default_factory=ScaleSettings)

    def policy(self) -> str:
        """How empty masks are scored, in words."""
        return f"{_BOTH_EMPTY[self.both_empty]} {_ONE_EMPTY}"

    @field_validator("measures")
    @classmethod
    def _known(cls, measures: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in measures if name not in (*FAMILIES, EVERY_FAMILY)]:
            raise ValueError(f"no family of measures is called {unknown[0]}; there are {', '.join(FAMILIES)} and all")
        return measures


class Family(NamedTuple):
    """Measures that are computed together."""

    measures: Callable[[EvaluationSettings], tuple[Measure, ...]]
    """What it measures with some settings."""
    score: Callable[[MaskAnalysis, MaskAnalysis, EvaluationSettings], Scores]
    """The value of each for a prediction and its target, by name."""
    fast: bool = True
    """Whether it is computed without being asked for."""


EVERY_FAMILY = "all"
FAMILIES: dict[str, Family] = {
    "overlap": Family(lambda settings: OVERLAP_MEASURES, lambda p, t, settings: score_overlap(p, t)),
    "centreline": Family(lambda settings: CENTRELINE_MEASURES, lambda p, t, settings: score_centreline(p, t)),
    "surface": Family(lambda settings: SURFACE_MEASURES, lambda p, t, settings: score_surface(p, t, settings.surface)),
    "topology": Family(
        lambda settings: topology_measures(settings.topology),
        lambda p, t, settings: score_topology(p, t, settings.topology),
    ),
    "graph": Family(lambda settings: GRAPH_MEASURES, lambda p, t, settings: score_graph(p, t, settings.graph)),
    "street_mover": Family(
        lambda settings: STREET_MOVER_MEASURES,
        lambda p, t, settings: score_street_mover(p, t, settings.street_mover),
        fast=False,
    ),
    "scales": Family(
        lambda settings: scale_measures(settings.scales.n_scales),
        lambda p, t, settings: score_scales(p, t),
    ),
}


def chosen_families(settings: EvaluationSettings) -> list[Family]:
    """The families that the settings ask for, in the order of FAMILIES."""
    asked = settings.measures or tuple(name for name, family in FAMILIES.items() if family.fast)
    return [family for name, family in FAMILIES.items() if name in asked or EVERY_FAMILY in asked]


def measures_of(settings: EvaluationSettings) -> tuple[Measure, ...]:
    """Every measure of a row with these settings, in the row's order."""
    return tuple(measure for family in chosen_families(settings) for measure in family.measures(settings))


def evaluate_case(
    prediction: Mask,
    target: Mask,
    spacing_mm: Sequence[float],
    settings: EvaluationSettings | None = None,
    region: Mask | None = None,
) -> CaseScores:
    """Every measure of a prediction against its target.

    Args:
        prediction: bool (*S), 2D or 3D, the whole volume: its diagonal is the distance of a missed case.
        target: bool (*S)
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        settings: what is measured; all the fast families without them.
        region: bool (*S), the part of the volume that counts, as an organ's mask: both masks are cut to it, and
            accuracy and the false positive rate look at its background alone. Must not be empty.

    Returns:
        a value for each of `measures_of(settings)` (formulas in docs/metrics.md), then for each of FLAGS whether it
        holds. Empty masks are scored as `settings.policy()` says; None stands for what a case does not define.

    Raises:
        ValueError: masks that are not boolean or of different shapes, a bad spacing, or an empty region.
    """
    settings = settings or EvaluationSettings()
    return score_pair(*analyse_pair(prediction, target, spacing_mm, settings, region), settings)


def analyse_pair(
    prediction: Mask,
    target: Mask,
    spacing_mm: Sequence[float],
    settings: EvaluationSettings,
    region: Mask | None = None,
) -> tuple[MaskAnalysis, MaskAnalysis]:
    """The analyses of both masks, cut to the region; arguments and errors as for `evaluate_case`."""
    check_pair(prediction, target)
    n_considered = None
    if region is not None:
        check_pair(region, target)
        n_considered = int(np.count_nonzero(region))
        if n_considered == 0:
            raise ValueError("region: expected at least one voxel, got an empty mask; leave it out")
        prediction, target = prediction & region, target & region
    return (
        analyse(prediction, spacing_mm, settings, n_considered, "prediction"),
        analyse(target, spacing_mm, settings, n_considered, "target"),
    )


def analyse(
    mask: Mask,
    spacing_mm: Sequence[float],
    settings: EvaluationSettings,
    region_voxels: int | None = None,
    name: str = "mask",
) -> MaskAnalysis:
    """The analysis of a mask that these settings ask for; nothing is computed yet."""
    return MaskAnalysis(mask, spacing_mm, settings.skeleton, settings.scales, region_voxels, name)


def score_pair(prediction: MaskAnalysis, target: MaskAnalysis, settings: EvaluationSettings) -> CaseScores:
    """Every measure of a prediction against its target, each mask analysed before or now; as `evaluate_case`.

    What is computed of the target stays in its analysis: keep it to compare further predictions with it.
    """
    flags: CaseScores = {"empty_prediction": prediction.is_empty, "empty_truth": target.is_empty}
    if all(flags.values()) and settings.both_empty == "left_out":
        return {**dict.fromkeys(measure.name for measure in measures_of(settings)), **flags}
    row: CaseScores = {}
    for family in chosen_families(settings):
        scores = family.score(prediction, target, settings)
        row |= {measure.name: scores[measure.name] for measure in family.measures(settings)}
    return {**row, **flags}

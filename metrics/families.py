"""The families of measures there are, and which an evaluation asks for.

Adding one takes a file beside this one, a line here, and one in `family_settings.py`, where its settings stand.
"""

from ramify.metrics.centreline import CENTRELINE
from ramify.metrics.family_settings import EVERY_FAMILY
from ramify.metrics.graph import GRAPH
from ramify.metrics.measure import Family, Measure
from ramify.metrics.overlap import OVERLAP
from ramify.metrics.scales import SCALES
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.street_mover import STREET_MOVER
from ramify.metrics.surface import SURFACE
from ramify.metrics.topology import TOPOLOGY

FAMILIES: dict[str, Family] = {
    "overlap": OVERLAP,
    "centreline": CENTRELINE,
    "surface": SURFACE,
    "topology": TOPOLOGY,
    "graph": GRAPH,
    "street_mover": STREET_MOVER,
    "scales": SCALES,
}


def chosen_families(settings: EvaluationSettings) -> dict[str, Family]:
    """The families that the settings ask for, in the order of FAMILIES."""
    asked = settings.measures or tuple(name for name, family in FAMILIES.items() if family.fast)
    return {name: family for name, family in FAMILIES.items() if name in asked or EVERY_FAMILY in asked}


def measures_by_family(settings: EvaluationSettings) -> dict[str, tuple[Measure, ...]]:
    """The measures of each chosen family with these settings."""
    return {name: family.measures(settings.of_family(name)) for name, family in chosen_families(settings).items()}


def measures_of(settings: EvaluationSettings) -> tuple[Measure, ...]:
    """Every measure of a row with these settings, in the row's order."""
    return tuple(measure for measures in measures_by_family(settings).values() for measure in measures)

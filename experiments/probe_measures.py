"""The linear probe of each kind of features, as measures of an experiment."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.metrics.measure import Measure
from ramify.metrics.summary import summarise
from ramify.metrics.table import describe_measure


def probe_measures(names: Sequence[str]) -> tuple[Measure, ...]:
    """The measure of each kind of features, in their order.

    Examples:
        >>> from ramify.experiments.probe_measures import probe_measures
        >>> [measure.name for measure in probe_measures(["encoder.1", "intensity"])]
        ['probe_encoder_1', 'probe_intensity']
    """
    return tuple(_measure_of(name) for name in names)


def _measure_of(name: str) -> Measure:
    told = "share of the vessel positions of each scale whose scale a linear probe tells, mean over the scales"
    return Measure(
        f"probe_{name.replace('.', '_')}",
        f"{told}; features {name}, probe fitted on other held-out patients",
        "higher",
        1,
        "defined by this project, docs/experiments.md",
        "measured",
    )


def with_probe(report: Mapping[str, Any], scores: Mapping[str, Mapping[str, float | None]]) -> dict[str, Any]:
    """A report of evaluated cases with the probe's values among them.

    report: see `metrics.table.build_report`. scores: features -> case -> value.
    """
    measures = {measure.name: measure for measure in probe_measures(list(scores))}
    of_measure = dict(zip(measures, scores.values(), strict=True))
    cases = {
        case_id: {**row, **{name: of_cases[case_id] for name, of_cases in of_measure.items()}}
        for case_id, row in report["cases"].items()
    }
    described = {name: describe_measure(measure) for name, measure in measures.items()}
    return {
        **report,
        "cases": cases,
        "summary": {**report["summary"], **summarise(cases, list(measures))},
        "measures": {**report["measures"], **described},
    }

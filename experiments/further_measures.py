"""What an experiment can measure of a run besides the masks it predicts at a probability of a half."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ramify.metrics.measure import Measure
from ramify.metrics.settings import EvaluationSettings, measures_of
from ramify.metrics.summary import summarise
from ramify.metrics.table import describe_measure

AT_PRECISION = "at_precision_"
"""How the names of measures at a given precision begin."""


def probe_measures(names: Sequence[str]) -> tuple[Measure, ...]:
    """How well a linear probe reads the scale from each kind of features, in their order.

    Examples:
        >>> from ramify.experiments.further_measures import probe_measures
        >>> [measure.name for measure in probe_measures(["encoder.1", "intensity"])]
        ['probe_encoder_1', 'probe_intensity']
    """
    return tuple(_probe_measure(name) for name in names)


def _probe_measure(name: str) -> Measure:
    told = "share of the vessel positions of each scale whose scale a linear probe tells, mean over the scales"
    return Measure(
        f"probe_{name.replace('.', '_')}",
        f"{told}; features {name}, probe fitted on other held-out patients",
        "higher",
        1,
        "defined by this project, docs/experiments.md",
        "measured",
    )


def measures_at_precision(evaluation: EvaluationSettings, precision: float | None) -> tuple[Measure, ...]:
    """Every measure of the evaluation at the threshold of a given precision; none where none is asked for."""
    if precision is None:
        return ()
    at = f"at the threshold where the precision of other held-out patients is {precision:g}, if they reach it"
    return tuple(
        dataclasses.replace(measure, name=f"{AT_PRECISION}{measure.name}", formula=f"{measure.formula}; {at}")
        for measure in measures_of(evaluation)
    )


def is_out_of_reach(row: Mapping[str, float | None]) -> bool:
    """Whether a case with vessels was asked for measures at a precision, and has a value of none of them.

    Examples:
        >>> from ramify.experiments.further_measures import is_out_of_reach
        >>> is_out_of_reach({"dice": 0.7, "at_precision_dice": None}), is_out_of_reach({"dice": 0.7})
        (True, False)
    """
    values = [value for name, value in row.items() if name.startswith(AT_PRECISION)]
    return bool(values) and all(value is None for value in values)


def further_measures(
    probe: Sequence[str], evaluation: EvaluationSettings, precision: float | None
) -> tuple[Measure, ...]:
    """All of them that an experiment asks for."""
    return (*probe_measures(probe), *measures_at_precision(evaluation, precision))


def with_measures(
    report: Mapping[str, Any], measures: Sequence[Measure], rows: Mapping[str, Mapping[str, float | None]]
) -> dict[str, Any]:
    """A report of evaluated cases (`metrics.table.build_report`) with further measures: case -> measure -> value."""
    names = [measure.name for measure in measures]
    cases = {
        case_id: {**row, **{name: rows[case_id][name] for name in names}} for case_id, row in report["cases"].items()
    }
    return {
        **report,
        "cases": cases,
        "summary": {**report["summary"], **summarise(cases, names)},
        "measures": {**report["measures"], **{measure.name: describe_measure(measure) for measure in measures}},
    }

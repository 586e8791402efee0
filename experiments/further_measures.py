"""What an experiment can measure of a run besides the masks it predicts at a probability of a half."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ramify.experiments.settings import Further
from ramify.metrics.families import measures_of
from ramify.metrics.measure import Measure
from ramify.metrics.settings import EvaluationSettings
from ramify.metrics.summary import summarise
from ramify.metrics.table import describe_measure

AT_PRECISION, OWN_THRESHOLD = "at_precision_", "own_threshold_"
"""How the names of measures at a threshold begin: of a given precision, or a network's own."""
AVERAGE_PRECISION = "average_precision"


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


def probability_measures(further: Further) -> tuple[Measure, ...]:
    """Every measure of the evaluation at each threshold that is asked for, and the average precision."""
    found: tuple[Measure, ...] = ()
    if further.average_precision:
        formula = "Σ (R_n − R_{n−1}) P_n over the thresholds, highest first: area under precision over recall"
        found += (Measure(AVERAGE_PRECISION, formula, "higher", 1, "as scikit-learn defines it", "measured"),)
    if (precision := further.at_precision) is not None:
        at = f"at the threshold where the precision of other held-out patients is {precision:g}, if they reach it"
        found += _at(AT_PRECISION, at, further.evaluation)
    if further.own_threshold:
        at = "at the threshold with the highest Dice of the validation cases, or of other held-out patients"
        found += _at(OWN_THRESHOLD, at, further.evaluation)
    return found


def _at(prefix: str, where: str, evaluation: EvaluationSettings) -> tuple[Measure, ...]:
    return tuple(
        dataclasses.replace(measure, name=f"{prefix}{measure.name}", formula=f"{measure.formula}; {where}")
        for measure in measures_of(evaluation)
    )


def without_threshold(measure: str) -> str:
    """The measure of a mask that a measure at a threshold is, of the same class.

    Examples:
        >>> from ramify.experiments.further_measures import without_threshold
        >>> without_threshold("own_threshold_dice"), without_threshold("any_vessel.own_threshold_dice")
        ('dice', 'any_vessel.dice')
    """
    of, dot, bare = measure.rpartition(".")
    return of + dot + bare.removeprefix(AT_PRECISION).removeprefix(OWN_THRESHOLD)


def is_out_of_reach(row: Mapping[str, float | None]) -> bool:
    """Whether a case with vessels was asked for measures at a precision, and has a value of none of them.

    Examples:
        >>> from ramify.experiments.further_measures import is_out_of_reach
        >>> is_out_of_reach({"dice": 0.7, "at_precision_dice": None}), is_out_of_reach({"dice": 0.7})
        (True, False)
    """
    values = [value for name, value in row.items() if name.rpartition(".")[2].startswith(AT_PRECISION)]
    return bool(values) and all(value is None for value in values)


def further_measures(further: Further) -> tuple[Measure, ...]:
    """All of them that are asked for."""
    return (*probe_measures(further.probe), *probability_measures(further))


def with_measures(
    report: Mapping[str, Any],
    measures: Sequence[Measure],
    rows: Mapping[str, Mapping[str, float | bool | None]],
    of_class: str = "",
) -> dict[str, Any]:
    """A report of evaluated cases (`metrics.table.build_report`) with further measures: case -> measure -> value.

    of_class: the class or region that they are of; empty where vessels are all there is.
    """
    described = {measure.name: describe_measure(measure) for measure in measures}
    names, told = list(described), {**report, "measures": {**report["measures"], **described}}
    if not of_class:
        return {**told, **_joined(report, names, rows)}
    key = next(key for key in ("classes", "regions") if of_class in report[key])
    return {**told, key: {**report[key], of_class: _joined(report[key][of_class], names, rows)}}


def _joined(
    section: Mapping[str, Any], names: Sequence[str], rows: Mapping[str, Mapping[str, float | bool | None]]
) -> dict[str, Any]:
    """The cases of a section and their summary, with further measures."""
    cases = {
        case_id: {**row, **{name: rows[case_id][name] for name in names}} for case_id, row in section["cases"].items()
    }
    return {"cases": cases, "summary": {**section["summary"], **summarise(cases, names)}}

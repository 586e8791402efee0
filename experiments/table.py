"""What an experiment says: a row a variant and measure, and what became of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ramify.comparison.comparison import Comparison, Difference, compare
from ramify.comparison.direction import direction_of
from ramify.comparison.results import Row as CaseRow
from ramify.comparison.results import RunResults, Variant, read_results
from ramify.comparison.spread import Spread, run_mean, spread_of
from ramify.comparison.verdict import Better
from ramify.comparison.wording import Wording
from ramify.experiments.further_measures import AT_PRECISION, OWN_THRESHOLD, is_out_of_reach
from ramify.experiments.plan import Run
from ramify.experiments.runs import Ending, results_file
from ramify.experiments.settings import ExperimentSettings

OWN_WORDING = Wording(
    results="",
    measures="measures",
    unit="comparison.unit",
    add_common="set comparison.common",
    both_empty="evaluation.both_empty: perfect",
    more_folds="take several folds",
    same_folds="finish runs of the same two folds at least",
    named_folds="finish the runs that are missing",
    more_networks="finish the runs that are missing, or take several seeds",
)
"""An experiment's settings by their keys: a file gives them, and flags of the same names."""


@dataclass(frozen=True)
class Row:
    """A variant in one measure.

    spread: None where no run has a value.
    difference: to the first variant; None for that one itself, and where there is nothing to compare.
    """

    variant: str
    measure: str
    better: Better | None
    spread: Spread | None
    difference: Difference | None


@dataclass(frozen=True)
class ExperimentTable:
    """Everything an experiment says.

    endings: how each run ended, by its name; runs that are still to do have none.
    comparison: None where fewer than two variants have results, none in common, or pairs cannot be told yet; `why_not`
        says which.
    out_of_reach: in how many cases of a variant a run had no threshold with the precision that was asked for.
    thresholds: the lowest and highest own threshold of a variant's runs.
    observer: the scores of a second person; None where none are asked for.
    """

    experiment: ExperimentSettings
    runs: Sequence[Run]
    endings: Mapping[str, Ending]
    rows: tuple[Row, ...]
    comparison: Comparison | None
    why_not: str = ""
    out_of_reach: Mapping[str, int] = field(default_factory=dict)
    thresholds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    observer: RunResults | None = None

    @property
    def by_network(self) -> bool:
        """Whether networks are compared that are all scored on the same cases."""
        return self.comparison is not None and self.comparison.pairing.unit == "network"

    @property
    def finished(self) -> int:
        """How many runs are."""
        return sum(ending.state == "finished" for ending in self.endings.values())


def build_table(
    experiment: ExperimentSettings,
    runs: Sequence[Run],
    endings: Mapping[str, Ending],
    patient_of: Mapping[str, str] | None = None,
    observer: RunResults | None = None,
) -> ExperimentTable:
    """The table of the runs that are finished.

    patient_of: case -> patient, for comparisons by patient. observer: scores of a second person.

    Raises ValueError where results cannot be read or compared as asked.
    """
    done = [run for run in runs if run.name in endings and endings[run.name].state == "finished"]
    results = {
        run.name: replace(read_results(results_file(run)), network=f"fold {run.fold}, seed {run.seed}") for run in done
    }
    variants = [
        Variant(name, its_results)
        for name in experiment.variants
        if (its_results := tuple(results[run.name] for run in done if run.variant == name))
    ]
    settings = experiment.comparison
    if len(done) < len(runs):
        # What is missing is told below the table, and left out of all variants alike.
        settings = settings.model_copy(update={"common": True})
    comparison, why_not = None, ""
    if not variants or variants[0].name != next(iter(experiment.variants)) or len(variants) < 2:
        why_not = "nothing to compare yet: the first variant and another one need results"
    elif not set.intersection(*(variant.cases for variant in variants)):
        why_not = "nothing to compare yet: the variants have no case in common"
    else:
        try:
            comparison = compare(variants, experiment.compared, settings, patient_of, wording=OWN_WORDING)
        except ValueError as error:
            # Runs that are still to do, or that failed, are no reason to hide what the others gave.
            if len(done) == len(runs):
                raise
            why_not = f"nothing to compare yet: {error}"
    differences = {(each.variant, each.measure): each for each in comparison.differences} if comparison else {}
    rows = [
        Row(
            name,
            measure,
            direction_of(measure, variants),
            _spread(name, measure, done, results, comparison is not None and comparison.pairing.unit == "network"),
            differences.get((name, measure)),
        )
        for measure in experiment.compared
        for name in experiment.variants
    ]
    out_of_reach = {variant.name: cases for variant in variants if (cases := len(_out_of_reach(variant)))}
    thresholds = {variant.name: ends for variant in variants if (ends := _own_thresholds(variant))}
    return ExperimentTable(
        experiment, runs, endings, tuple(rows), comparison, why_not, out_of_reach, thresholds, observer
    )


def _own_thresholds(variant: Variant) -> tuple[float, float] | None:
    """The lowest and highest that its runs chose for themselves; None where none did."""
    told = [run.report.get("thresholds", {}).get(OWN_THRESHOLD.rstrip("_"), {}) for run in variant.runs]
    values = [value for of_cases in told for value in of_cases.values() if value is not None]
    return (min(values), max(values)) if values else None


def _out_of_reach(variant: Variant) -> set[str]:
    """Cases with vessels for which one of the variant's runs has no value at the precision asked for."""
    return {
        case_id
        for run in variant.runs
        for case_id, row in run.rows.items()
        # Where there is nothing to find and nothing is found, measures have no value either.
        if is_out_of_reach(row) and case_id not in run.flags.get(_empty_truth(row), ())
    }


def _empty_truth(row: CaseRow) -> str:
    """The flag of a truth without a vessel, of what the measures at a precision are of."""
    name = next(name for name in row if AT_PRECISION in name)
    return f"{name.partition(AT_PRECISION)[0]}empty_truth"


def _spread(
    variant: str, measure: str, done: Sequence[Run], results: Mapping[str, Any], by_network: bool
) -> Spread | None:
    """Over the folds, or over the networks where these are what is compared."""
    its = [run for run in done if run.variant == variant]
    means = {
        (number if by_network else run.fold, run.seed): run_mean(results[run.name], measure)
        for number, run in enumerate(its)
    }
    return spread_of({place: mean for place, mean in means.items() if mean is not None})

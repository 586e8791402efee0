"""What an experiment says: a row a variant and measure, and what became of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ramify.comparison.comparison import Comparison, Difference, compare
from ramify.comparison.direction import direction_of
from ramify.comparison.results import Variant, read_results
from ramify.comparison.verdict import Better
from ramify.experiments.plan import ExperimentSettings, Piece
from ramify.experiments.runs import Ending, results_file
from ramify.experiments.spread import Spread, run_mean, spread_of


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
class Table:
    """Everything an experiment says.

    endings: how each run ended, by its name; runs that are still to do have none.
    comparison: None where fewer than two variants have results, none in common, or pairs cannot be told yet; `why_not`
        says which.
    """

    experiment: ExperimentSettings
    pieces: Sequence[Piece]
    endings: Mapping[str, Ending]
    rows: tuple[Row, ...]
    comparison: Comparison | None
    why_not: str = ""

    @property
    def finished(self) -> int:
        """How many runs are."""
        return sum(ending.state == "finished" for ending in self.endings.values())


def build_table(
    experiment: ExperimentSettings,
    pieces: Sequence[Piece],
    endings: Mapping[str, Ending],
    patient_of: Mapping[str, str] | None = None,
) -> Table:
    """The table of the runs that are finished.

    patient_of: case -> patient, for comparisons by patient.

    Raises ValueError where results cannot be read or compared as asked.
    """
    done = [piece for piece in pieces if piece.name in endings and endings[piece.name].state == "finished"]
    results = {piece.name: read_results(results_file(piece)) for piece in done}
    variants = [
        Variant(name, runs)
        for name in experiment.variants
        if (runs := tuple(results[piece.name] for piece in done if piece.variant == name))
    ]
    settings = experiment.comparison
    if len(done) < len(pieces):
        # What is missing is told below the table, and left out of all variants alike.
        settings = settings.model_copy(update={"common": True})
    comparison, why_not = None, ""
    if not variants or variants[0].name != next(iter(experiment.variants)) or len(variants) < 2:
        why_not = "nothing to compare yet: the first variant and another one need results"
    elif not set.intersection(*(variant.cases for variant in variants)):
        why_not = "nothing to compare yet: the variants have no case in common"
    else:
        try:
            comparison = compare(variants, experiment.measures, settings, patient_of)
        except ValueError as error:
            complaint = _by_own_names(str(error))
            # Runs that are still to do, or that failed, are no reason to hide what the others gave.
            if len(done) == len(pieces):
                raise ValueError(complaint) from None
            why_not = f"nothing to compare yet: {complaint}"
    differences = {(each.variant, each.measure): each for each in comparison.differences} if comparison else {}
    rows = [
        Row(
            name,
            measure,
            direction_of(measure, variants),
            _spread(name, measure, done, results),
            differences.get((name, measure)),
        )
        for measure in experiment.measures
        for name in experiment.variants
    ]
    return Table(experiment, pieces, endings, tuple(rows), comparison, why_not)


def _by_own_names(complaint: str) -> str:
    """A complaint of a comparison, which names the flags of compare.py, with those of experiment.py."""
    for theirs, own in (("--results: ", ""), ("--common", "--comparison.common"), ("--unit ", "--comparison.unit ")):
        complaint = complaint.replace(theirs, own)
    return complaint


def _spread(variant: str, measure: str, done: Sequence[Piece], results: Mapping[str, Any]) -> Spread | None:
    means = {
        (piece.fold, piece.seed): run_mean(results[piece.name], measure) for piece in done if piece.variant == variant
    }
    return spread_of({place: mean for place, mean in means.items() if mean is not None})

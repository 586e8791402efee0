"""The table of an experiment on screen, in Markdown, in CSV and as plain data."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ramify.comparison.comparison import Comparison, Difference
from ramify.comparison.comparison_table import Cell, digits_of, p_value_in_words, to_plain, to_row
from ramify.comparison.remarks import remarks_on
from ramify.comparison.results import RunResults
from ramify.console.csv_text import csv_of_records
from ramify.experiments.further_measures import without_threshold
from ramify.experiments.runs import Ending
from ramify.experiments.table import ExperimentTable, Row

NOTHING = "-"
OBSERVER = "second observer"
_IN_COLUMNS = re.compile(r"adjusted p [=<] \S+?(, interval (above|below) 0)?")


def headline(table: ExperimentTable) -> str:
    """What was run, in a line."""
    experiment = table.experiment
    cases = f", {len(table.comparison.pairing.unit_of)} cases" if table.comparison else ""
    folds, seeds = len(experiment.folds), len(experiment.seeds)
    return (
        f"{experiment.name}: {len(experiment.variants)} variants, {_number(folds, 'fold')} x {_number(seeds, 'seed')}"
        f"{cases}; {table.finished} of {len(table.runs)} runs finished"
    )


def to_screen(table: ExperimentTable) -> str:
    """Headline, a block of columns a measure, the verdicts' reasons, and what else must be known."""
    parts = [headline(table)]
    for measure in table.experiment.compared:
        header, *rows = _cells(table, measure)
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (header, *rows)]
        parts.append("\n".join([_title(table, measure), lines[0], "-" * max(map(len, lines)), *lines[1:]]))
    return "\n\n".join([*parts, "\n".join(f"- {remark}" for remark in _remarks(table))])


def to_markdown(table: ExperimentTable) -> str:
    """The same for a page."""
    parts = [f"**{headline(table)}**"]
    for measure in table.experiment.compared:
        header, *rows = [[cell.replace("|", "\\|") for cell in row] for row in _cells(table, measure)]
        lines = [header, ["---"] * len(header), *rows]
        parts += [_title(table, measure), "\n".join("| " + " | ".join(line) + " |" for line in lines)]
    return "\n\n".join([*parts, "\n".join(f"- {remark}" for remark in _remarks(table))]) + "\n"


def to_csv(table: ExperimentTable) -> str:
    """A row a variant and measure, at full precision; empty where something is undefined."""
    return csv_of_records([_plain_row(row, table) for row in table.rows])


def to_plain_table(table: ExperimentTable, versions: Mapping[str, str]) -> dict[str, Any]:
    """Everything there is to say, ready for JSON; keys as in docs/experiments.md."""
    return {
        "experiment": table.experiment.model_dump(mode="json"),
        "runs": {
            run.name: {"folder": str(run.folder.root), **_ending(table.endings.get(run.name))} for run in table.runs
        },
        "rows": [_plain_row(row, table) for row in table.rows],
        "second_observer": _observer_levels(table),
        "comparison": to_plain(table.comparison, versions) if table.comparison else None,
        "remarks": _remarks(table),
        "versions": dict(versions),
    }


def _ending(ending: Ending | None) -> dict[str, Any]:
    if ending is None:
        return {"state": "missing"}
    return {"state": ending.state, "seconds": ending.seconds, "reason": ending.reason}


def _title(table: ExperimentTable, measure: str) -> str:
    better = next(row.better for row in table.rows if row.measure == measure)
    return f"{measure} ({better} is better)" if better else measure


def _cells(table: ExperimentTable, measure: str) -> list[list[str]]:
    """Header and rows of one measure."""
    first = next(iter(table.experiment.variants))
    level = f"{1 - table.experiment.comparison.alpha:.0%}"
    of = "networks" if table.by_network else "folds"
    header = ["variant", "runs", f"mean ± sd of {of}", "sd of seeds", f"difference to {first} [{level} interval]"]
    header += ["pairs", "p Holm", "verdict", "more pairs needed"]
    of_measure = [row for row in table.rows if row.measure == measure]
    digits = digits_of(measure, *(row.spread.mean for row in of_measure if row.spread))
    rows = [header, *(_row_cells(row, digits) for row in of_measure)]
    if table.observer is not None:
        reached = _observer_level(table.observer, measure)
        told = NOTHING if reached is None else f"{reached[0]:.{digits}f} ± {reached[1]:.{digits}f}"
        rows.append([OBSERVER, NOTHING, told, *[NOTHING] * 6])
    return rows


def _observer_levels(table: ExperimentTable) -> dict[str, dict[str, float] | None]:
    """Measure -> what a second person reaches; empty where none is asked."""
    if table.observer is None:
        return {}
    levels = {measure: _observer_level(table.observer, measure) for measure in table.experiment.compared}
    return {name: level and {"mean": level[0], "sd_of_cases": level[1]} for name, level in levels.items()}


def _observer_level(observer: RunResults, measure: str) -> tuple[float, float] | None:
    """Mean and standard deviation over the cases; a mask has one value, whatever the networks' threshold."""
    name = without_threshold(measure)
    values = [value for row in observer.rows.values() if (value := row.get(name)) is not None]
    return (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0) if values else None


def _row_cells(row: Row, digits: int) -> list[str]:
    spread, difference = row.spread, row.difference
    if spread is None:
        return [row.variant, "0", *[NOTHING] * 7]
    mean = f"{spread.mean:.{digits}f}" + (f" ± {spread.sd_folds:.{digits}f}" if spread.sd_folds is not None else "")
    seeds = f"{spread.sd_seeds:.{digits}f}" if spread.sd_seeds is not None else NOTHING
    start = [row.variant, str(spread.runs), mean, seeds]
    if difference is None or difference.evidence is None:
        return [*start, *[NOTHING] * 5]
    evidence, interval = difference.evidence, difference.evidence.interval
    ends = f"[{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]" if interval else "[no interval]"
    return [
        *start,
        f"{evidence.difference:+.{digits}f} {ends}",
        str(evidence.pairs),
        p_value_in_words(difference.adjusted.deciding) if difference.adjusted else NOTHING,
        difference.verdict.word,
        _more_pairs(difference),
    ]


def _more_pairs(difference: Difference) -> str:
    """How many more it would take to see a difference of this size; none where it is seen."""
    if difference.verdict.is_claim:
        return "0"
    return NOTHING if difference.more_pairs is None else str(difference.more_pairs)


def _plain_row(row: Row, table: ExperimentTable) -> dict[str, Cell]:
    experiment, spread = table.experiment, row.spread
    plain: dict[str, Cell] = {
        "variant": row.variant,
        "measure": row.measure,
        "better": row.better,
        "folds": len(experiment.folds),
        "seeds": len(experiment.seeds),
        "runs": spread.runs if spread else 0,
        "mean_of_folds": spread.mean if spread else None,
        "sd_of_folds": spread.sd_folds if spread else None,
        "sd_of_seeds": spread.sd_seeds if spread else None,
    }
    if row.difference is None or table.comparison is None:
        return plain
    return {**to_row(row.difference, table.comparison), **plain}


def _remarks(table: ExperimentTable) -> list[str]:
    """What must be known beside the numbers: what failed, is missing, and how the comparison was made."""
    said = []
    for name in table.experiment.variants:
        runs = [run for run in table.runs if run.variant == name]
        failed = {p.name: e for p in runs if (e := table.endings.get(p.name)) and e.state == "failed"}
        if failed:
            reasons = "; ".join(dict.fromkeys(ending.reason for ending in failed.values()))
            said.append(
                f"{name}: {len(failed)} of {len(runs)} runs failed, its values are those of the others: {reasons}"
            )
        if missing := sum(run.name not in table.endings for run in runs):
            said.append(f"{name}: {missing} of {len(runs)} runs are still to do")
        if cases := table.out_of_reach.get(name):
            said.append(
                f"{name}: a precision of {table.experiment.at_precision} is out of reach in {_number(cases, 'case')}: "
                "no threshold has it on the other held-out patients, and there is no value at it; ask for a lower "
                "at_precision"
            )
    if table.thresholds:
        ends = "; ".join(f"{name} {low:.2f} to {high:.2f}" for name, (low, high) in table.thresholds.items())
        said.append(f"own thresholds: {ends}")
    if table.observer is not None:
        drawn = _number(len(table.observer.rows), "case")
        said.append(f"{OBSERVER}: a second person's masks of the {drawn}, mean ± sd over the cases, not a variant")
    if table.comparison is None:
        return [*said, table.why_not]
    reasons_of = _reasons(table.comparison)
    folds = ", folds as large as these" if table.comparison.pairing.unit == "fold" else ""
    needed = f"more pairs needed{folds}: to see a difference of the size seen with "
    needed += f"{table.comparison.settings.power:.0%} power, by the paired t approximation; a plan, not a finding"
    return [*said, *reasons_of, needed, *remarks_on(table.comparison)]


def _reasons(comparison: Comparison) -> list[str]:
    """Reasons of verdicts that say more than the columns do, those alike in one line."""
    where: dict[str, list[str]] = {}
    for difference in comparison.differences:
        if not _IN_COLUMNS.fullmatch(difference.verdict.reason):
            told = f"{difference.verdict.word}: {difference.verdict.reason}"
            where.setdefault(told, []).append(f"{difference.variant} in {difference.measure}")
    every = len(comparison.differences)
    return [
        f"{'every variant in every measure' if len(names) == every > 1 else ', '.join(names)}: {told}"
        for told, names in where.items()
    ]


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"

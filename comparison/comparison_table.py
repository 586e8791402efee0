"""A comparison on screen, in CSV and as plain data for JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from ramify.comparison.comparison import Comparison, Difference
from ramify.comparison.remarks import POLICY, remarks_on
from ramify.comparison.statistics import Significance
from ramify.comparison.verdict import TEST_NAMES
from ramify.console.csv_text import csv_of_records

Cell = str | float | None
LARGE = 10.0
LEAST_SHOWN = 0.0001


def format_comparison(comparison: Comparison) -> str:
    """The tables for the screen, a variant each; the verdicts with their reasons; and what else must be known.

    Examples:
        >>> from ramify.comparison import ComparisonSettings, RunResults, Variant, compare, format_comparison
        >>> rows = {f"case_{i}": {"dice": 0.70 + i / 100} for i in range(8)}
        >>> better = {case: {"dice": row["dice"] + 0.05} for case, row in rows.items()}
        >>> variants = [Variant("plain", (RunResults(rows),)), Variant("new", (RunResults(better),))]
        >>> comparison = compare(variants, ["dice"], ComparisonSettings(unit="case"))
        >>> print(format_comparison(comparison).splitlines()[0])
        new against plain
    """
    parts = []
    for variant in comparison.variants[1:]:
        rows = [difference for difference in comparison.differences if difference.variant == variant.name]
        title = f"{variant.name} against {comparison.reference.name}"
        parts.append("\n".join([title, *_table(rows, comparison), *_reasons(rows, comparison)]))
    parts.append("\n".join(f"- {remark}" for remark in remarks_on(comparison)))
    return "\n\n".join(parts)


def _reasons(differences: Sequence[Difference], comparison: Comparison) -> list[str]:
    """The verdicts with their reasons, measures of the same one in one line; then the pairs that would be needed."""
    measures: dict[str, list[str]] = {}
    for difference in differences:
        verdict = difference.verdict
        measures.setdefault(f"{verdict.word}: {verdict.reason}", []).append(difference.measure)
    lines = [f"  {', '.join(names)}: {reason}" for reason, names in measures.items()]
    needed = [
        f"{difference.measure} {difference.pairs_needed} ({difference.more_pairs} more)"
        for difference in differences
        if not difference.verdict.is_claim and difference.more_pairs
    ]
    if needed:
        settings = comparison.settings
        how = f"{settings.power:.0%} power at level {settings.alpha / comparison.tests:.2g}, paired t approximation"
        pairs = {"fold": "folds as large", "network": "networks"}.get(comparison.pairing.unit, "pairs")
        lines.append(f"  {pairs} to see a difference of that size, {how}: {', '.join(needed)}")
    return lines


def to_csv(comparison: Comparison) -> str:
    """A row a variant and measure, at full precision; empty where something is undefined.

    Examples:
        >>> from ramify.comparison import ComparisonSettings, RunResults, Variant, compare, to_csv
        >>> rows = {f"case_{i}": {"dice": 0.70 + i / 100} for i in range(8)}
        >>> better = {case: {"dice": row["dice"] + 0.05} for case, row in rows.items()}
        >>> variants = [Variant("plain", (RunResults(rows),)), Variant("new", (RunResults(better),))]
        >>> comparison = compare(variants, ["dice"], ComparisonSettings(unit="case"))
        >>> to_csv(comparison).splitlines()[0][:26]
        'variant,reference,measure,'
    """
    rows = [to_row(difference, comparison) for difference in comparison.differences]
    return csv_of_records(rows)


def pairs_to_csv(comparison: Comparison) -> str:
    """Every case behind the comparison, a row a variant, measure and case, with the pair that it is part of.

    Examples:
        >>> from ramify.comparison import ComparisonSettings, RunResults, Variant, compare, pairs_to_csv
        >>> rows = {f"case_{i}": {"dice": 0.70 + i / 100} for i in range(8)}
        >>> better = {case: {"dice": row["dice"] + 0.05} for case, row in rows.items()}
        >>> variants = [Variant("plain", (RunResults(rows),)), Variant("new", (RunResults(better),))]
        >>> comparison = compare(variants, ["dice"], ComparisonSettings(unit="case"))
        >>> print(pairs_to_csv(comparison).splitlines()[0])
        variant,measure,case,pair,reference,value,difference,undefined_for
    """
    rows: list[dict[str, Cell]] = []
    for difference in comparison.differences:
        paired = difference.paired
        start: dict[str, Cell] = {"variant": difference.variant, "measure": difference.measure}
        for case_id, unit, value, reference in zip(paired.cases, paired.units, paired.values, paired.reference):
            found: dict[str, Cell] = {"reference": reference, "value": value, "difference": value - reference}
            rows.append(start | {"case": case_id, "pair": unit} | found)
        for case_id, names in paired.undefined.items():
            nothing: dict[str, Cell] = {"reference": None, "value": None, "difference": None}
            told: dict[str, Cell] = {"case": case_id, "pair": _pair_of(case_id, comparison)}
            rows.append(start | told | nothing | {"undefined_for": ", ".join(names)})
    columns = ["variant", "measure", "case", "pair", "reference", "value", "difference", "undefined_for"]
    return csv_of_records([{column: row.get(column) for column in columns} for row in rows])


def _pair_of(case_id: str, comparison: Comparison) -> str | None:
    """None where every pair has the case."""
    return None if comparison.pairing.unit == "network" else comparison.pairing.unit_of[case_id]


def to_plain(comparison: Comparison, versions: Mapping[str, str]) -> dict[str, Any]:
    """Everything there is to say, ready for JSON; keys as in docs/comparing.md.

    Examples:
        >>> from ramify.comparison import ComparisonSettings, RunResults, Variant, compare, to_plain
        >>> rows = {f"case_{i}": {"dice": 0.70 + i / 100} for i in range(8)}
        >>> better = {case: {"dice": row["dice"] + 0.05} for case, row in rows.items()}
        >>> variants = [Variant("plain", (RunResults(rows),)), Variant("new", (RunResults(better),))]
        >>> comparison = compare(variants, ["dice"], ComparisonSettings(unit="case"))
        >>> plain = to_plain(comparison, versions={})
        >>> plain["reference"], sorted(plain["variants"])
        ('plain', ['new', 'plain'])
    """
    pairing = comparison.pairing
    return {
        "reference": comparison.reference.name,
        "variants": {
            variant.name: {
                "files": [run.source for run in variant.runs],
                "runs_per_case": sorted({len(variant.runs_of(case_id)) for case_id in pairing.unit_of}),
            }
            for variant in comparison.variants
        },
        "pairs": {
            "unit": pairing.unit,
            "unit_of": dict(pairing.unit_of),
            "left_out": dict(pairing.left_out),
            "folds": pairing.folds,
            "told": pairing.told,
            "networks": list(pairing.networks),
        },
        "differences": [
            {
                **to_row(difference, comparison),
                "undefined": {c: list(n) for c, n in difference.paired.undefined.items()},
            }
            for difference in comparison.differences
        ],
        "tests": comparison.tests,
        "settings": comparison.settings.model_dump(mode="json"),
        "remarks": remarks_on(comparison),
        "policy": POLICY,
        "versions": dict(versions),
    }


def to_row(difference: Difference, comparison: Comparison) -> dict[str, Cell]:
    """One comparison as flat data."""
    evidence, adjusted = difference.evidence, difference.adjusted
    row: dict[str, Cell] = {
        "variant": difference.variant,
        "reference": comparison.reference.name,
        "measure": difference.measure,
        "better": difference.better,
        "undefined_cases": len(difference.paired.undefined),
        "unit": comparison.pairing.unit,
        "cases": evidence.cases if evidence else 0,
        "pairs": evidence.pairs if evidence else 0,
    }
    names = ("differing", "reference_mean", "reference_sd", "mean", "sd", "difference")
    row |= {name: getattr(evidence, name, None) for name in names}
    row |= {"low": None, "high": None}
    if evidence and evidence.interval:
        row |= evidence.interval._asdict()
    for test in TEST_NAMES:
        row |= _test(test, getattr(evidence, test, None), getattr(adjusted, test, None))
    row |= {"decided_by": comparison.decide_by}
    row |= {name: getattr(evidence, name, None) for name in ("cohen_dz", "rank_biserial")}
    row |= {"pairs_needed": difference.pairs_needed, "more_pairs": difference.more_pairs}
    return row | {"verdict": difference.verdict.word, "reason": difference.verdict.reason}


def _test(name: str, found: Significance | None, adjusted: float | None) -> dict[str, Cell]:
    return {
        f"{name}_p": found.p if found else None,
        f"{name}_p_holm": adjusted,
        f"{name}_least_p": found.least_p if found else None,
        f"{name}_method": found.method if found else None,
    }


def _table(differences: Sequence[Difference], comparison: Comparison) -> list[str]:
    """Header, rule and a row a measure, in columns."""
    variant, reference = differences[0].variant, comparison.reference.name
    level = f"{1 - comparison.settings.alpha:.0%}"
    header = ["measure", "better", reference, variant, f"difference [{level} interval]", "pairs"]
    header += ["p t", "p Wilcoxon", "p permut.", "p Holm", "d_z", "verdict"]
    rows = [header, *(_cells(difference) for difference in differences)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _cells(difference: Difference) -> list[str]:
    evidence, adjusted = difference.evidence, difference.adjusted
    start = [difference.measure, difference.better or "?"]
    if evidence is None:
        return [*start, "-", "-", "-", "0", "-", "-", "-", "-", "-", difference.verdict.word]
    digits = digits_of(difference.measure, evidence.mean, evidence.reference_mean)
    interval = evidence.interval
    ends = f"[{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]" if interval else "[no interval]"
    return [
        *start,
        _mean_and_sd(evidence.reference_mean, evidence.reference_sd, digits),
        _mean_and_sd(evidence.mean, evidence.sd, digits),
        f"{evidence.difference:+.{digits}f} {ends}",
        str(evidence.pairs),
        p_value_in_words(evidence.t.p),
        p_value_in_words(evidence.wilcoxon.p),
        p_value_in_words(evidence.permutation.p),
        p_value_in_words(adjusted.deciding) if adjusted else "-",
        f"{evidence.cohen_dz:+.2f}" if evidence.cohen_dz is not None else "-",
        difference.verdict.word,
    ]


def digits_of(measure: str, *means: float) -> int:
    """Decimals worth showing: two for millimetres and large counts, four for shares."""
    large = max(map(abs, means), default=0.0) >= LARGE
    return 2 if large or measure.endswith("_mm") else 4


def p_value_in_words(p: float) -> str:
    """Four decimals, or that it is below them."""
    return f"{p:.4f}" if p >= LEAST_SHOWN else f"<{LEAST_SHOWN}"


def _mean_and_sd(mean: float, sd: float | None, digits: int) -> str:
    return f"{mean:.{digits}f}" + (f" ± {sd:.{digits}f}" if sd is not None else "")

"""Groups of cases, as of treatments: each measure of the summary by group, and how far two groups are apart."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ramify.analysis.branch_table import Row
from ramify.comparison.statistics import holm
from ramify.comparison.two_samples import permutation_test, welch_interval

LEVEL = 0.95


def read_groups(path: Path, cases: Sequence[str]) -> dict[str, str]:
    """The group of each case, in the file's order of groups; cases of the file that are not analysed are left out.

    Args:
        path: a CSV with the columns `case` and `group`; it may have others.
        cases: the cases that are analysed.

    Raises:
        OSError: it cannot be read.
        ValueError: a column is missing, a case twice or of no group, or fewer than two groups have cases.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"--groups {path}: cannot be read as CSV in UTF-8 ({error}); save it as such") from error
    for column in ("case", "group"):
        if column not in columns:
            raise ValueError(f"--groups {path}: there is no column {column}; the first line must be case,group")
    found: dict[str, str] = {}
    for row in rows:
        case, group = (row["case"] or "").strip(), (row["group"] or "").strip()
        if case in found:
            raise ValueError(f"--groups {path}: case {case} is there twice; keep one line of it")
        if case and group:
            found[case] = group
    if lacking := [case for case in cases if case not in found]:
        raise ValueError(f"--groups {path}: no group for case {lacking[0]}; add a line, or choose others with --cases")
    used = {case: group for case, group in found.items() if case in cases}
    if len({*used.values()}) < 2:
        raise ValueError(f"--groups {path}: all cases are of one group; expected two at least")
    return used


def group_rows(rows: Sequence[Mapping[str, Any]], groups: Mapping[str, str], measures: Sequence[str]) -> list[Row]:
    """A row for each class, measure and group: n, mean, sd (n − 1), median.

    Args:
        rows: of the summary, a case or a class of it each.
        groups: case -> group.
        measures: columns of the rows; one that no row has is left out.
    """
    found = []
    for name, its in _by_class(rows).items():
        for measure in (one for one in measures if any(one in row for row in its)):
            for group in dict.fromkeys(groups.values()):
                values = _values(its, groups, group, measure)
                row: Row = {
                    **({"class": name} if name else {}),
                    "measure": measure,
                    "group": group,
                    "n": len(values),
                    "mean": float(values.mean()) if len(values) else None,
                    "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
                    "median": float(np.median(values)) if len(values) else None,
                }
                found.append(row)
    return found


def difference_rows(rows: Sequence[Mapping[str, Any]], groups: Mapping[str, str], measures: Sequence[str]) -> list[Row]:
    """Of two groups, how far the second one's mean is from the first one's, for each class and measure.

    With Welch's 95 % interval, a permutation test, and its p adjusted by Holm's method over all measures of all
    classes. None of more groups than two; arguments as for `group_rows`.
    """
    names = list(dict.fromkeys(groups.values()))
    if len(names) != 2:
        return []
    reference, group = names
    found = []
    for name, its in _by_class(rows).items():
        for measure in (one for one in measures if any(one in row for row in its)):
            values, others = (_values(its, groups, one, measure) for one in (group, reference))
            if not len(values) or not len(others):
                continue
            interval, test = welch_interval(values, others, LEVEL), permutation_test(values, others)
            row: Row = {
                **({"class": name} if name else {}),
                "measure": measure,
                "group": group,
                "reference": reference,
                "n": len(values),
                "n_reference": len(others),
                "difference": float(values.mean() - others.mean()),
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "p": test.p if test else None,
                "p_holm": None,
                "least_p": test.least_p if test else None,
                "test": test.method if test else None,
            }
            found.append(row)
    tested = [row for row in found if row["p"] is not None]
    for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = adjusted
    return found


def _by_class(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.get("class", "")].append(row)
    return found


def _values(rows: Sequence[Mapping[str, Any]], groups: Mapping[str, str], group: str, measure: str) -> np.ndarray:
    """The values of a measure in a group, but for those that are not known."""
    values = [row.get(measure) for row in rows if groups[row["case"]] == group]
    return np.array([value for value in values if value is not None], dtype=np.float64)

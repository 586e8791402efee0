"""The scores of a run's predictions, as evaluate.py wrote them, and the variants of a method that they belong to."""

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ramify.comparison.measured import FLAGS, Ranges, measured_value
from ramify.disk.json_files import read_json
from ramify.metrics.classes import MERGED

RESULTS_FILE = "metrics.json"
ABOUT = ("definitions", "measures", "settings", "policy", "versions", "thresholds")
"""What is kept of a file besides its scores."""
SECTIONS = ("classes", "regions")
"""Where a file has the scores of the classes and regions of label maps."""
HOW_TAKEN = {"truth_labels", "organ_labels", "cut_to_organ", "ignore_label"}
"""Settings that say which masks the predictions were held against, and where."""
FREE_TO_DIFFER = {
    "measures",
    "prediction_labels",
    "classes",
    "regions",
    "resample_masks",
    "spacing_mm",
    "detection_iou",
}
"""Settings in which scores of two methods may differ: their files have forms of their own."""

_RENAMED = {f"{whose}_label": f"{whose}_labels" for whose in ("truth", "prediction", "organ")}
"""Settings by the names that files of an earlier version have for them."""

Row = Mapping[str, float | None]
"""Measure -> value of one case; None where the measure is undefined for it."""


@dataclass(frozen=True)
class RunResults:
    """The scores of one run's predictions.

    Attributes:
        rows: case id -> its values.
        flags: flag (`empty_prediction`, ...) -> the cases for which it holds.
        failed: case id -> why it could not be evaluated.
        source: the file they come from, or another name for messages.
        report: what else the file says, by the keys ABOUT.
        network: which of its variant's networks made the predictions, by a name that runs of other variants share
            whose trainings began alike; empty where nobody says.

    Examples:
        >>> from ramify.comparison import RunResults
        >>> results = RunResults({"case_1": {"dice": 0.8}}, failed={"case_2": "no such file"})
        >>> results.rows["case_1"]["dice"], sorted(results.failed)
        (0.8, ['case_2'])
    """

    rows: Mapping[str, Row]
    flags: Mapping[str, frozenset[str]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    source: str = "results"
    report: Mapping[str, Any] = field(default_factory=dict)
    network: str = ""


@dataclass(frozen=True)
class Variant:
    """One way of doing it, under the name the user gave, with the results of all its runs: folds, seeds, or both.

    Examples:
        >>> from ramify.comparison import RunResults, Variant
        >>> folds = RunResults({"a": {"dice": 0.8}}), RunResults({"b": {"dice": 0.7}})
        >>> len(Variant("contrastive", folds).runs)
        2
    """

    name: str
    runs: tuple[RunResults, ...]

    @cached_property
    def cases(self) -> set[str]:
        """Cases with values in at least one run."""
        return {case_id for run in self.runs for case_id in run.rows}

    @cached_property
    def failed(self) -> dict[str, str]:
        """Cases that failed in at least one run: the others' mean would not be that of all runs."""
        return {case_id: reason for run in self.runs for case_id, reason in run.failed.items()}

    @cached_property
    def measures(self) -> list[str]:
        """Measures that every run has for at least one case, in the first run's order."""
        of_run = [dict.fromkeys(name for row in run.rows.values() for name in row) for run in self.runs]
        return [name for name in of_run[0] if all(name in names for names in of_run)]

    def runs_of(self, case_id: str) -> list[RunResults]:
        """The runs that have a case: one a seed."""
        return [run for run in self.runs if case_id in run.rows]


def variants_of(words: Sequence[str]) -> list[Variant]:
    """Variants from words NAME=PATH, in the order of their first mention; several paths of one name are its runs.

    PATH is a JSON file that evaluate.py wrote, a folder with `metrics.json` in it, or a pattern of such (`fold_*`).

    Raises:
        ValueError: a word of another form, a path given twice under one name, a file of another kind.
        FileNotFoundError: no such file, or nothing meets the pattern.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.comparison import variants_of
        >>> from ramify.metrics import build_report, evaluate_case, to_json
        >>> mask = np.eye(8, dtype=bool)
        >>> report = build_report({"a": evaluate_case(mask, mask, (1.0, 1.0))}, failed={}, versions={})
        >>> Path("scores.json").write_text(to_json(report), encoding="utf-8") > 0  # as evaluate.py does
        True
        >>> [variant.name for variant in variants_of(["plain=scores.json", "new=scores.json"])]
        ['plain', 'new']
    """
    paths: dict[str, list[Path]] = {}
    for word in words:
        name, separator, place = word.partition("=")
        if not (separator and name and place):
            raise ValueError(f"--results {word}: expected NAME=FILE, for example baseline=scores/{RESULTS_FILE}")
        for path in _files_at(place):
            known = paths.setdefault(name, [])
            if any(path.samefile(other) for other in known):
                raise ValueError(f"--results {name}: {path} is given twice; a run counts once")
            known.append(path)
    return [Variant(name, tuple(map(read_results, files))) for name, files in paths.items()]


def _files_at(place: str) -> list[Path]:
    path = Path(place).expanduser()
    found = [path] if path.exists() else [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
    files = [each / RESULTS_FILE if each.is_dir() else each for each in found]
    if not files:
        raise FileNotFoundError(f"{place}: no such file or folder; expected the {RESULTS_FILE} of an evaluation")
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{file.parent}: holds no {RESULTS_FILE}; evaluate its predictions first")
    return files


def read_results(path: Path | str) -> RunResults:
    """The scores in a JSON file that evaluate.py wrote; those of a class or region of label maps are named
    `class.measure`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, of another form, without a case, or with a value that its measure cannot have.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.comparison import read_results
        >>> from ramify.metrics import build_report, evaluate_case, to_json
        >>> mask = np.eye(8, dtype=bool)
        >>> report = build_report({"a": evaluate_case(mask, mask, (1.0, 1.0))}, failed={}, versions={})
        >>> Path("metrics.json").write_text(to_json(report), encoding="utf-8") > 0  # as evaluate.py does
        True
        >>> read_results(Path("metrics.json")).rows["a"]["dice"]
        1.0
    """
    path = Path(path)
    report = read_json(path)
    if not _has_scores(report):
        raise ValueError(f"{path}: holds no scores of cases; expected the {RESULTS_FILE} that evaluate.py writes")
    failed = report.get("failed", {})
    if not report["cases"] and not failed:
        raise ValueError(f"{path}: holds no case; evaluate at least one")
    rows: dict[str, dict[str, float | None]] = {case_id: {} for case_id in report["cases"]}
    flags: dict[str, set[str]] = {}
    ranges = Ranges(report.get("measures"))
    of_class = {f"{name}.": section["cases"] for key in SECTIONS for name, section in report.get(key, {}).items()}
    for prefix, cases in {"": report["cases"], **of_class}.items():
        for case_id, content in cases.items():
            for name, value in content.items():
                where = f"{path}: case {case_id}: {prefix}{name}"
                if name in FLAGS or (isinstance(value, bool) and ranges.highest(name) is None):
                    flags.setdefault(prefix + name, set()).update({case_id} if _flag(value, where) else ())
                elif not isinstance(value, str | list | dict) or ranges.highest(name) is not None:
                    rows[case_id][prefix + name] = measured_value(value, name, ranges, where)
    about = {key: report[key] for key in ABOUT if key in report}
    if isinstance(settings := about.get("settings"), dict):
        about["settings"] = {_RENAMED.get(key, key): value for key, value in settings.items()}
    return RunResults(
        rows,
        {name: frozenset(cases) for name, cases in flags.items()},
        {case_id: str(reason) for case_id, reason in failed.items()},
        str(path),
        about,
    )


def _has_scores(report: Any) -> bool:
    """Whether a JSON file has the form of evaluate.py's, as far as it is read here."""
    if not isinstance(report, dict) or not isinstance(report.get("failed", {}), dict):
        return False
    parts = [report.get(key, {}) for key in SECTIONS]
    if not all(isinstance(part, dict) and all(isinstance(its, dict) for its in part.values()) for part in parts):
        return False
    sections = [report.get("cases"), *(section.get("cases") for part in parts for section in part.values())]
    return all(
        isinstance(cases, dict) and all(isinstance(row, dict) for row in cases.values()) for cases in sections
    ) and all(set(cases) <= set(sections[0]) for cases in sections)


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r:.60}; expected true or false; evaluate again")
    return value


def check_same_settings(variants: Sequence[Variant]) -> None:
    """Refuse results that were measured in different ways, where the files say how.

    Raises:
        ValueError: another skeleton, tolerance or the like in one file than in another, or measures defined otherwise.
    """
    told = [run for variant in variants for run in variant.runs if isinstance(run.report.get("settings"), dict)]
    for run in told[1:]:
        older, newer = sorted((told[0], run), key=_definitions)
        if _definitions(older) != _definitions(newer):
            raise ValueError(
                f"{older.source}: its measures were defined otherwise than those of {newer.source} (skeletons, graphs, "
                "scales and topology, docs/metrics.md); evaluate its predictions again"
            )
        first, its = told[0].report["settings"], run.report["settings"]
        # Files of an earlier version do not tell how masks were taken.
        silent = {key for key in HOW_TAKEN if key not in first or key not in its}
        for key in (first.keys() | its.keys()) - FREE_TO_DIFFER - silent:
            now = its.get(key)
            if now != first.get(key):
                raise ValueError(
                    f"{run.source}: evaluated with {key} {now!r}, but {told[0].source} with {first.get(key)!r}; "
                    "evaluate both alike"
                )


def _definitions(run: RunResults) -> int:
    """By which definitions of the measures a file's scores were made; the earliest files do not tell."""
    told = run.report.get("definitions", 1)
    return told if isinstance(told, int) else 1


def check_same_classes(variants: Sequence[Variant], measures: Sequence[str]) -> None:
    """Refuse means over classes that are means over other classes in another file, where the files say over which.

    Raises:
        ValueError: a measure without a class, and files whose classes differ in their names and in their labels.
    """
    of_all = next((name for name in measures if "." not in name), None)
    told: dict[str, Mapping[str, Any]] = {}
    for run in (run for variant in variants for run in variant.runs):
        settings = run.report.get("settings")
        if isinstance(settings, dict) and isinstance(settings.get("classes"), dict):
            told[run.source] = settings["classes"]
    first, of_first = next(iter(told.items()), ("", {}))
    labels = {source: sorted(map(str, its.values())) for source, its in told.items()}
    for source, its in told.items():
        if of_all and its.keys() != of_first.keys() and labels[source] != labels[first]:
            over = [f"over {', '.join(classes)}" if classes else "of all vessels" for classes in (its, of_first)]
            raise ValueError(
                f"{source}: {of_all} is {over[0]}, but {over[1]} in {first}; compare a class or region that both "
                f"have, such as {MERGED}.{of_all}, or evaluate both alike"
            )

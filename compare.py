"""Compare two or more sets of predictions over the same cases: paired differences, tests, and a verdict in words.

    python compare.py --results baseline=scores_a/metrics.json contrastive=scores_b/metrics.json --output COMPARISON
    python compare.py --results "baseline=scores/binary/fold_*" "contrastive=scores/contrastive/fold_*" --measures dice
    python compare.py --results a=one/metrics.json b=other/metrics.json --measures all --common
    python compare.py --results a=one/metrics.json b=other/metrics.json --classes portal any_vessel --measures dice

Each set is the metrics.json that evaluate.py wrote, or its folder; the first is the reference. Files given under one
name are its runs: folds (other cases) or seeds (the same cases, averaged before the tests). The cases of a fold share
their networks, so that folds are the pairs where there are several. docs/comparing.md explains the tests. COMPARISON
gets comparison.json, comparison.csv, pairs.csv and comparison.png.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from ramify.command_line import parse, run
from ramify.comparison.comparison import Comparison, ComparisonSettings, compare
from ramify.comparison.comparison_table import format_comparison, pairs_to_csv, to_csv, to_plain
from ramify.comparison.direction import measures_of_classes
from ramify.comparison.fold_file import read_fold_of
from ramify.comparison.forest_plot import draw_comparison
from ramify.comparison.patients import read_patients
from ramify.comparison.results import variants_of
from ramify.data.provenance import versions
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import to_json
from ramify.disk.outputs import Outputs

FILES = ("comparison.json", "comparison.csv", "pairs.csv", "comparison.png")


class ResultFiles(BaseModel, frozen=True, extra="forbid"):
    """Which results to compare, in what, and where the comparison goes."""

    results: tuple[str, ...] = Field(min_length=1)
    """NAME=FILE each: the metrics.json of an evaluation, its folder, or a quoted pattern of such. The first name is the
    reference; files of one name are its runs (folds, seeds)."""
    measures: tuple[str, ...] = ()
    """Measures by their keys, or all; without any, those of dice, jaccard, cldice and hd_mm that the files have."""
    classes: tuple[str, ...] = ()
    """Classes or regions of label maps whose measures to compare, such as portal any_vessel; without any, the means
    over the classes. A measure of one class is CLASS.KEY among the measures, too."""
    output: Path | None = None
    """Folder for the comparison as JSON, CSV and figure; made if missing. Without it, the screen alone."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""
    patients: Path | None = None
    """JSON file {case: patient} for --unit patient or network."""
    folds: Path | None = None
    """The splits_final.json of the trainings, which says what cases share their networks; needed where the files do
    not tell folds apart, such as one file with the cases of all folds."""


class CompareCommand(ComparisonSettings, ResultFiles, frozen=True, extra="forbid"):
    """What to compare, and how; in this order of bases, --help begins with the files."""


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print and write."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words.count("--results") > 1:
        # The last one alone would count.
        raise ValueError("--results: given more than once; write all sets behind one, --results A=FILE B=FILE")
    command = parse(CompareCommand, "Compare sets of predictions over the same cases.", words)
    if command.patients and command.unit not in ("patient", "network"):
        raise ValueError("--patients: has no use without --unit patient or network; add it, or leave --patients out")
    if command.folds and command.unit not in (None, "fold"):
        raise ValueError(f"--folds: --unit {command.unit} has no use for it; leave one of them out")
    variants = variants_of(command.results)
    patient_of = read_patients(command.patients) if command.patients else None
    fold_of = read_fold_of(command.folds) if command.folds else None
    sources = [Path(run.source) for variant in variants for run in variant.runs]
    with Outputs(command.patients, command.folds, *sources, replace=command.replace) as outputs:
        if command.output:
            outputs.claim_folder(command.output, "comparison", FILES)
        measures = measures_of_classes(command.classes, command.measures, variants)
        comparison = compare(variants, measures, command, patient_of, fold_of)
        print(format_comparison(comparison))
        if command.output:
            written = write(comparison, command.output)
            print(f"written: {', '.join(map(str, written))}")
    return 0


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the comparison in every form; the files' paths."""
    contents: tuple[bytes | str, ...] = (
        to_json(to_plain(comparison, versions())),
        to_csv(comparison),
        pairs_to_csv(comparison),
        draw_comparison(comparison),
    )
    for name, content in zip(FILES, contents):
        write_whole(folder / name, content)
    return [folder / name for name in FILES]


if __name__ == "__main__":
    run(main)

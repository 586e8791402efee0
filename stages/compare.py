"""A comparison of sets of scores: read, weighed, printed and written."""

from pathlib import Path

from ramify.comparison.comparison import Comparison, compare
from ramify.comparison.comparison_table import format_comparison, pairs_to_csv, to_csv, to_plain
from ramify.comparison.direction import measures_of_classes
from ramify.comparison.fold_file import read_fold_of
from ramify.comparison.forest_plot import draw_comparison
from ramify.comparison.patients import read_patients
from ramify.comparison.results import variants_of
from ramify.comparison.settings import CompareCommand
from ramify.data.provenance import versions
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import to_json
from ramify.disk.outputs import Outputs

FILES = ("comparison.json", "comparison.csv", "pairs.csv", "comparison.png")


def compare_results(command: CompareCommand) -> None:
    """Compare, print and write."""
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

"""Compare predicted vessel masks with the truth: a row a case, mean, sd and median; in CSV, in JSON and on screen.

    python evaluate.py --prediction PREDICTIONS --truth TRUTH --output SCORES
    python evaluate.py --prediction PREDICTIONS --truth TRUTH --organ LIVERS --output SCORES --workers 4
    python evaluate.py --prediction PREDICTIONS --truth TRUTH --output SCORES --measures overlap centreline
    python evaluate.py --prediction LABELS --truth TRUTH --output SCORES --classes portal=1 hepatic=2
    python evaluate.py --prediction PREDICTIONS --truth TRUTH --output SCORES --report report.html --export FOLDER
    python evaluate.py --prediction case.nii.gz --truth truth.nii.gz --output SCORES

Folders hold one mask a case, CASE.nii.gz or CASE_mask.nii.gz (or .nrrd, .mha, .tif, .png), and meet by case name;
CASE_probabilities files are passed over. SCORES gets metrics.json and metrics.csv; docs/metrics.md explains each value.
--report writes a page to read offline, --export surfaces and centrelines for other programs, --tensorboard RUN the
means and pictures as events; docs/report.md shows them.
A case that cannot be evaluated is one line on stderr, the others go on, and the exit code is 1 in the end.
A signal (Ctrl-C, SIGTERM) leaves the scores of the cases that are done in metrics_partial.json and metrics_partial.csv.
"""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, Field, field_validator

from command_line import parse, run
from command_line.errors import describe
from console.progress import followed, say
from console.signals import name_of
from data.labelled_file import LabelledFile
from data.lock import held
from data.mask_folders import match_masks, only_file
from data.outputs import Outputs
from data.provenance import versions
from data.union_grid import on_union_grid
from data.volume import Volume, check_same_geometry
from data.whole_files import write_whole
from metrics.case import CaseScores, EvaluationSettings, analyse_pair, score_pair
from metrics.classes import evaluate_classes, parse_classes
from metrics.table import build_report, format_table, shown_measures, to_csv, to_json
from preprocessing.case_crew import case_reports
from report import CaseView, Presentation, claim_places, present, present_case

WHOLE, PARTIAL = "metrics", "metrics_partial"
"""Names of the tables: of all cases, and of those that were done when a signal came."""
FORMS = ("json", "csv")


class Comparison(BaseModel, frozen=True, extra="forbid"):
    """What to compare with what, and where the scores go."""

    prediction: Path
    """Folder of predicted masks, or one mask."""
    truth: Path
    """Folder of true masks, or one mask."""
    output: Path
    """Folder for metrics.json and metrics.csv; made if missing."""
    organ: Path | None = None
    """Folder of organ masks, or one mask: both masks are cut to the organ before they are compared."""
    prediction_suffix: str = ""
    """Take only predictions whose name ends so, e.g. _vessel for CASE_vessel.nii.gz; no part of the case's name."""
    truth_suffix: str = ""
    """As prediction_suffix, for the truth."""
    organ_suffix: str = ""
    """As prediction_suffix, for the organ masks, e.g. _liver."""
    prediction_label: tuple[str, ...] = ()
    """Which labels of a predicted label map are vessels, by number or name, taken together as one mask; or which
    segments of a .seg.nrrd, by name. --classes compares each label by itself."""
    truth_label: tuple[str, ...] = ()
    """As prediction_label, for the truth."""
    organ_label: tuple[str, ...] = ()
    """As prediction_label, for the organ: which labels or segments of the organ's file are the organ."""
    cases: tuple[str, ...] = ()
    """Evaluate these cases only; without any, all that have a prediction or a truth."""
    classes: tuple[str, ...] = ()
    """For label maps: which labels to compare, each as a mask of its own, such as 1 2, or portal=1 veins=2+3."""
    resample_masks: bool = False
    """Bring masks of another grid or field of view onto the truth's, extended to hold them, instead of refusing."""
    spacing_mm: tuple[float, ...] = ()
    """Voxel size in mm (z y x, or y x) in place of the files' own; TIFF and PNG carry none and count as 1."""
    replace: bool = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""
    workers: int = Field(default=1, ge=1)
    """Cases evaluated at a time, each in a process of its own."""

    @field_validator("classes")
    @classmethod
    def _classes(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        parse_classes(words)
        return words


class EvaluateCommand(Presentation, EvaluationSettings, Comparison):
    """What to compare with what, where the scores go, what is measured and how, and what is shown."""

    def evaluation(self) -> EvaluationSettings:
        """What is measured, and how; without the files."""
        return EvaluationSettings(**{name: getattr(self, name) for name in EvaluationSettings.model_fields})

    def masks(self) -> dict[str, Any]:
        """What of the files was taken as masks, and where they were compared: scores depend on it as on a setting."""
        labels = ("prediction_label", "truth_label", "organ_label", "classes", "resample_masks", "spacing_mm")
        return {**self.model_dump(mode="json", include=set(labels)), "cut_to_organ": self.organ is not None}


class Job(NamedTuple):
    """One case to evaluate: the files found for each role, of which there should be one."""

    case_id: str
    files: dict[str, list[Path]]
    command: EvaluateCommand


class Outcome(NamedTuple):
    """The scores of a case, or why there are none."""

    case_id: str
    scores: CaseScores | dict[str, CaseScores] | None
    """of label maps, those of each class"""
    reason: str = ""
    view: CaseView | None = None
    notes: tuple[str, ...] = ()
    """what must be known beside the scores, a line each"""
    unseen: str = ""
    """why there is nothing of it to look at, where there should be"""


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate every case and write the tables; 1 if a case failed."""
    command = parse(EvaluateCommand, "Compare predicted vessel masks with the truth.", argv)
    jobs = find_jobs(command)
    outputs = Outputs(command.prediction, command.truth, command.organ, replace=command.replace)
    outputs.claim_folder(command.output, "scores", [f"{name}.{form}" for name in (WHOLE, PARTIAL) for form in FORMS])
    claim_places(outputs, command, [job.case_id for job in jobs])
    with held(command.output, "evaluate.py"):
        return evaluate(jobs, command, argv)


def evaluate(jobs: Sequence[Job], command: EvaluateCommand, argv: Sequence[str] | None) -> int:
    """Evaluate all cases and write what is asked for; 1 if a case failed."""
    outcomes: dict[str, Outcome] = {}
    try:
        for outcome in followed(evaluate_all(jobs, command.workers), "evaluate", "case", len(jobs)):
            outcomes[outcome.case_id] = outcome
            tell(outcome)
    except KeyboardInterrupt as stop:
        if outcomes:
            left = f"not evaluated: stopped by {name_of(stop)}"
            ended = [outcomes.get(job.case_id) or Outcome(job.case_id, None, left) for job in jobs]
            written = write_tables(report_of(ended, command), command.output, PARTIAL)
            stop.add_note(f"{len(outcomes)} of {len(jobs)} cases were evaluated, their scores are in {written[-1]}")
        raise

    ordered = [outcomes[job.case_id] for job in jobs]
    report = report_of(ordered, command)
    written = write_tables(report, command.output, WHOLE)
    print(format_table(report, shown_measures(command.evaluation())))
    complaints = [f"{outcome.case_id}: {outcome.unseen}" for outcome in ordered if outcome.unseen]
    try:
        views = {outcome.case_id: outcome.view for outcome in ordered if outcome.view is not None}
        written += present(report, views, command, argv)
    except (ValueError, OSError) as error:
        complaints.append(describe(error))
    for complaint in complaints:
        say(f"error: {complaint} (the scores are written)", error=True)
    print(f"written: {', '.join(str(path) for path in written)}")
    return 1 if report["failed"] or complaints else 0


def tell(outcome: Outcome) -> None:
    """What is worth a line as soon as a case is done."""
    if outcome.scores is None:
        say(f"failed: {outcome.case_id}: {outcome.reason}", error=True)
    for note in outcome.notes:
        say(f"warning: {outcome.case_id}: {note}", error=True)


def report_of(outcomes: Sequence[Outcome], command: EvaluateCommand) -> dict[str, Any]:
    """All scores, with the cases that have none and why."""
    cases = {outcome.case_id: outcome.scores for outcome in outcomes if outcome.scores is not None}
    failed = {outcome.case_id: outcome.reason for outcome in outcomes if outcome.scores is None}
    names = [one.name for one in parse_classes(command.classes)]
    notes = {outcome.case_id: outcome.notes for outcome in outcomes if outcome.notes}
    return build_report(cases, failed, versions(), command.evaluation(), names, notes, command.masks())


def write_tables(report: dict[str, Any], folder: Path, name: str) -> list[Path]:
    """Write the report as JSON and CSV; the files."""
    paths = [folder / f"{name}.{form}" for form in FORMS]
    for path, content in zip(paths, (to_json(report), to_csv(report))):
        write_whole(path, content)
    return paths


def find_jobs(command: EvaluateCommand) -> list[Job]:
    """One job a case; one that lacks a partner is a job too and fails by name: nothing is dropped in silence.

    Raises FileNotFoundError or ValueError for options that make no sense together.
    """
    if command.organ_label and command.organ is None:
        raise ValueError("--organ-label: there is no --organ with labels; give both or neither")
    if command.classes and (command.prediction_label or command.truth_label):
        role = "prediction" if command.prediction_label else "truth"
        raise ValueError(
            f"--classes and --{role}-label: each label by itself, or several as one mask; give one of them"
        )
    sources = {
        "prediction": (command.prediction, command.prediction_suffix),
        "truth": (command.truth, command.truth_suffix),
    }
    if command.organ is not None:
        sources["organ"] = (command.organ, command.organ_suffix)
    matched = match_masks(sources, required=("prediction", "truth"))
    nothing: dict[str, list[Path]] = {role: [] for role in sources}
    return [Job(case, matched.get(case, nothing), command) for case in command.cases or matched]


def evaluate_all(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    """Outcomes as they come, in this process or in several; their order is not that of the jobs."""
    if workers == 1:
        return map(attempt, jobs)
    do = partial(attempt_case, {job.case_id: job for job in jobs})
    return case_reports(do, [job.case_id for job in jobs], workers, lambda case_id, how: Outcome(case_id, None, how))


def attempt_case(jobs: Mapping[str, Job], case_id: str) -> Outcome:
    """`attempt`, in another process that is told the cases by name."""
    return attempt(jobs[case_id])


def attempt(job: Job) -> Outcome:
    """Evaluate a case; bad input becomes a reason in one line."""
    try:
        return evaluate_files(job)
    except (ValueError, OSError) as error:
        return Outcome(job.case_id, None, describe(error))
    except MemoryError:
        return Outcome(job.case_id, None, "out of memory; use fewer --workers")
    except Exception as error:
        # A fault of ours: its traceback is wanted, and the other cases are not lost for it.
        traceback.print_exc()
        return Outcome(job.case_id, None, f"{type(error).__name__}: {describe(error)} (traceback above)")


def read_role(role: str, path: Path, command: EvaluateCommand) -> Volume:
    """The mask of a role (`prediction`, `truth`, `organ`), bool, or with --classes the label map, int32."""
    file = LabelledFile(path, command.spacing_mm or None)
    if role != "organ" and command.classes:
        return file.label_map
    option, what = f"--{role}-label", "organ" if role == "organ" else "vessels"
    if role != "organ":
        option += " (or compare each with --classes)"
    return file.mask(file.choose(getattr(command, f"{role}_label"), what, option), what, option)


def evaluate_files(job: Job) -> Outcome:
    """Read the masks of a case, check that they lie on one grid, cut them to the organ, compare them, look at them."""
    command = job.command
    paths = {role: only_file(files, role, getattr(command, role)) for role, files in job.files.items()}
    volumes = {role: read_role(role, path, command) for role, path in paths.items()}
    names = {role: str(path) for role, path in paths.items()}
    notes = [f"{role}: {note}" for role, volume in volumes.items() for note in volume.notes]
    if command.resample_masks:
        volumes, told = on_union_grid(volumes, "truth", names)
        notes += told
    for role, volume in volumes.items():
        check_same_geometry(volumes["truth"], volume, names["truth"], names[role])
    truth, arrays = volumes["truth"], {role: volume.array for role, volume in volumes.items()}
    organ = arrays.get("organ")
    if organ is not None and not organ.any():
        why = "".join(f" ({note})" for note in volumes["organ"].notes)
        raise ValueError(f"{paths['organ']}: the organ mask is empty{why}; mend it, or leave --organ out")
    pair, spacing, settings = (arrays["prediction"], arrays["truth"]), truth.spacing_mm, command.evaluation()
    scores: CaseScores | dict[str, CaseScores] = {}
    if classes := parse_classes(command.classes):
        scores = evaluate_classes(*pair, spacing, classes, settings, organ)
        # Shown are the vessels of all classes together.
        pair = tuple(np.logical_or.reduce([one.mask_in(array) for one in classes]) for array in pair)
    analyses = analyse_pair(*pair, spacing, settings, organ)
    scores = scores or score_pair(*analyses, settings)
    view, unseen = None, ""
    try:
        view = present_case(job.case_id, *analyses, truth, command)
    except (ValueError, OSError, MemoryError) as error:
        # What is only looked at costs no scores.
        unseen = describe(error)
    return Outcome(job.case_id, scores, view=view, notes=tuple(notes), unseen=unseen)


if __name__ == "__main__":
    run(main)

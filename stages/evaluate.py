"""An evaluation: every pair of masks scored, told, and written as tables; what there is to look at besides."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ramify.command_line.called import called
from ramify.compilation import what_compiling_takes
from ramify.console.alike import AlikeLines
from ramify.console.error_line import line_of
from ramify.console.progress import announce, followed, say
from ramify.console.signals import name_of, saying_what_is_kept
from ramify.data.clean_up_note import clean_up_beside
from ramify.data.provenance import versions
from ramify.disk.atomic_files import write_whole
from ramify.disk.outputs import Outputs
from ramify.disk.own_files import remove
from ramify.evaluation.absent_classes import absent_classes
from ramify.evaluation.ceilings import Ceiling, PreparedCase, mean_ceiling, misfit, read_ceilings
from ramify.evaluation.chosen_classes import chosen_classes
from ramify.evaluation.jobs import Job, find_jobs
from ramify.evaluation.labels_without_class import labels_warning
from ramify.evaluation.named_labels import names_of_numbers
from ramify.evaluation.outcomes import Outcome, evaluate_all
from ramify.evaluation.settings import EvaluateCommand
from ramify.evaluation.told_labels import with_told_labels
from ramify.metrics.classes import ClassSet
from ramify.metrics.table import build_report, format_table, shown_measures, to_csv, to_json
from ramify.metrics.topcow import format_topcow, summarise_topcow
from ramify.processes.folder_lock import held
from ramify.report.presentation import claim_places, present
from ramify.vessels.thinning_kernel import thin

WHOLE, PARTIAL = "metrics", "metrics_partial"
"""Names of the tables: of all cases, and of those that were done when a signal came."""
FORMS = ("json", "csv")


def evaluate(command: EvaluateCommand, words: Sequence[str]) -> int:
    """Evaluate every case and write the tables; 1 if a case failed.

    words: of the command line, for the report.
    """
    command = with_told_labels(command).titled()
    chosen = chosen_classes(command)
    jobs = find_jobs(command, chosen)
    prepared = read_ceilings(command.prepared, [job.case_id for job in jobs], command) if command.prepared else {}
    read = [path for job in jobs for paths in job.files.values() for path in paths]
    read += [job.image for job in jobs if job.image is not None]
    with Outputs(command.prediction, command.truth, command.organ, *read, replace=command.replace) as outputs:
        files = [f"{name}.{form}" for name in (WHOLE, PARTIAL) for form in FORMS]
        outputs.claim_folder(command.output, "scores", files)
        claim_places(outputs, command, [job.case_id for job in jobs], [one.name for one in chosen.classes])
        with held(command.output, "evaluate.py"):
            return evaluate_jobs(jobs, chosen, command, words, prepared)


def evaluate_jobs(
    jobs: Sequence[Job],
    chosen: ClassSet,
    command: EvaluateCommand,
    words: Sequence[str],
    prepared: Mapping[str, PreparedCase],
) -> int:
    """Evaluate all cases and write what is asked for, unless all failed; 1 if a case did, or a class is nowhere.

    chosen: the classes that the command asks for.
    prepared: the cases of a store, with what a perfect mask on their grid scores.
    """
    for line in names_of_numbers(command, chosen):
        say(f"note: {line}", error=True)
    outcomes = evaluate_cases(jobs, chosen, command)
    if all(outcome.scores is None for outcome in outcomes):
        print(what_is_left(len(outcomes), command.output))
        return 1
    report = report_of(outcomes, chosen, command)
    if ceilings := ceilings_of(outcomes, prepared):
        report["ceiling"] = {"cases": ceilings, "mean": mean_ceiling(ceilings)}
    written = write_tables(report, command.output, WHOLE)
    forget_partial(command.output)
    if len(chosen.classes) > 1:
        print(f"rows of cases: mean over {len(chosen.classes)} classes")
    print(format_table(report, shown_measures(command.evaluation())))
    if "topcow" in report:
        print(format_topcow(report["topcow"]["summary"]))

    warnings, nowhere = absent_classes(report, chosen, command.prediction_labels, command.truth_labels)
    if classless := labels_warning(outcome.classless or {} for outcome in outcomes):
        warnings.append(classless)
    for warning in warnings:
        say(f"warning: {warning}", error=True)
    shown, complaints = show(report, outcomes, command, words)
    complaints += nowhere
    for complaint in complaints:
        say(f"error: {complaint} (the scores are written)", error=True)
    print(f"written: {', '.join(str(path) for path in [*written, *shown])}")
    return 1 if report["failed"] or complaints else 0


def what_is_left(count: int, output: Path) -> str:
    """What to say where no case could be evaluated: tables without a row are none, and earlier ones are not of now."""
    earlier = [str(path) for path in tables_in(output, WHOLE) if path.exists()]
    kept = f"; of an earlier evaluation there still are {', '.join(earlier)}" if earlier else ""
    return f"0 of {count} case{'s' * (count > 1)} evaluated; nothing is written{kept}"


def ceilings_of(outcomes: Sequence[Outcome], prepared: Mapping[str, PreparedCase]) -> dict[str, Ceiling]:
    """The ceilings of the evaluated cases; one that was prepared from another truth is told and left out."""
    found: dict[str, Ceiling] = {}
    for outcome in outcomes:
        case = prepared.get(outcome.case_id)
        if case is None or outcome.drawn is None:
            continue
        if why := misfit(case.drawn, outcome.drawn):
            say(f"warning: {outcome.case_id}: no ceiling, --prepared has another case of that name: {why}", error=True)
        elif case.ceiling is not None:
            found[outcome.case_id] = case.ceiling
    return found


def evaluate_cases(jobs: Sequence[Job], chosen: ClassSet, command: EvaluateCommand) -> list[Outcome]:
    """What became of each case, in their order, told as it is known; at a signal, the scores so far are written."""
    outcomes: dict[str, Outcome] = {}
    errors = AlikeLines()
    announce(what_compiling_takes(thin))
    try:
        for outcome in followed(evaluate_all(jobs, command), "evaluate", "case", len(jobs)):
            outcomes[outcome.case_id] = outcome
            tell(outcome, errors)
        for line in errors.rest():
            say(f"failed: {line}", error=True)
    except KeyboardInterrupt as stop:
        if not outcomes:
            stop.add_note(f"none of {len(jobs)} cases was evaluated, nothing is written; the same command begins anew")
        else:
            left = f"not evaluated: stopped by {name_of(stop)}"
            ended = [outcomes.get(job.case_id) or Outcome(job.case_id, None, left) for job in jobs]
            written = write_tables(report_of(ended, chosen, command), command.output, PARTIAL)
            stop.add_note(
                f"{len(outcomes)} of {len(jobs)} cases were evaluated, their scores are in {written[-1]}; the same "
                "command evaluates all of them anew"
            )
        raise
    return [outcomes[job.case_id] for job in jobs]


def tell(outcome: Outcome, errors: AlikeLines) -> None:
    """What is worth a line as soon as a case is done.

    errors: why other cases failed.
    """
    if outcome.scores is None and errors.is_new(outcome.case_id, outcome.reason):
        say(f"failed: {outcome.case_id}: {outcome.reason}", error=True)
    for note in outcome.notes:
        say(f"warning: {outcome.case_id}: {note}", error=True)


def report_of(outcomes: Sequence[Outcome], chosen: ClassSet, command: EvaluateCommand) -> dict[str, Any]:
    """All scores, with the cases that have none and why."""
    cases = {outcome.case_id: outcome.scores for outcome in outcomes if outcome.scores is not None}
    failed = {outcome.case_id: outcome.reason for outcome in outcomes if outcome.scores is None}
    notes = {outcome.case_id: outcome.notes for outcome in outcomes if outcome.notes}
    report = build_report(cases, failed, versions(), command.evaluation(), chosen, notes, command.masks(chosen))
    if cleaned_up := clean_up_beside(command.prediction):
        report["clean_up"] = cleaned_up
    if predicted := records_of(outcomes):
        report["predictions"] = predicted
    if topcow := {outcome.case_id: outcome.topcow for outcome in outcomes if outcome.topcow is not None}:
        report["topcow"] = summarise_topcow(topcow)
    return report


def records_of(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """What made the predictions, as records beside them say: each once, with the cases that it is of."""
    found: list[dict[str, Any]] = []
    for outcome in outcomes:
        if outcome.predicted is None:
            continue
        same = next((one for one in found if outcome.predicted.items() <= one.items()), None)
        if same is None:
            found.append({**outcome.predicted, "cases": [outcome.case_id]})
        else:
            same["cases"].append(outcome.case_id)
    return found


def write_tables(report: dict[str, Any], folder: Path, name: str) -> list[Path]:
    """Write the report as JSON and CSV; the files."""
    paths = tables_in(folder, name)
    for path, content in zip(paths, (to_json(report), to_csv(report))):
        write_whole(path, content)
    return paths


def forget_partial(folder: Path) -> None:
    """Remove the tables of an earlier call that was stopped."""
    for path in tables_in(folder, PARTIAL):
        remove(path)


def tables_in(folder: Path, name: str) -> list[Path]:
    """The files of the tables of that name."""
    return [folder / f"{name}.{form}" for form in FORMS]


def show(
    report: dict[str, Any], outcomes: Sequence[Outcome], command: EvaluateCommand, words: Sequence[str]
) -> tuple[list[Path], list[str]]:
    """Write what there is to look at; the files, and what could not be shown, a line each."""
    views = {outcome.case_id: outcome.view for outcome in outcomes if outcome.view is not None}
    complaints = [f"{outcome.case_id}: {outcome.unseen}" for outcome in outcomes if outcome.unseen]
    kept = tables_in(command.output, WHOLE)[-1]
    try:
        with saying_what_is_kept(lambda: f"the scores of all cases are in {kept}; the same command shows them anew"):
            return present(report, views, command, [*called("evaluate"), *words]), complaints
    except (ValueError, OSError) as error:
        return [], [*complaints, line_of(error)]

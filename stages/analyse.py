"""An analysis: masks found, the trees of each described and written, and a table with a row a case."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ramify.analysis.branch_table import Row
from ramify.analysis.cases import Job, Outcome, classes_nowhere, do_all, earlier_cases, find_jobs
from ramify.analysis.groups import difference_rows, group_rows, read_groups
from ramify.analysis.page.summary_words import WORDS
from ramify.analysis.page.tree_page import address_of, build_tree_page, name_of
from ramify.analysis.settings import AnalyseCommand
from ramify.command_line.called import called
from ramify.compilation import what_compiling_takes
from ramify.console.alike import AlikeLines
from ramify.console.csv_text import csv_of_records
from ramify.console.progress import announce, followed, say
from ramify.console.signals import saying_what_is_kept
from ramify.data.case_paths import what_masks_are_called
from ramify.data.provenance import versions
from ramify.disk.atomic_files import write_whole
from ramify.disk.json_files import write_json
from ramify.disk.outputs import Outputs
from ramify.disk.own_files import remove
from ramify.processes.folder_lock import held
from ramify.vessels.thinning_kernel import thin

SUMMARY = "summary.csv"
RECORD = "analysis.json"
GROUPS = ("groups.csv", "group_differences.csv")
_SHOWN = ("branches", "trees", "ends", "cycles", "length_mm", "largest_strahler_order")


def analyse_masks(command: AnalyseCommand, words: Sequence[str] = ()) -> int:
    """Analyse every mask and write the tables, and the page if asked for; 1 if a case failed.

    words: of the command line, for whoever wants to do it again.
    """
    jobs = find_jobs(command)
    groups = read_groups(command.groups, [job.case_id for job in jobs]) if command.groups is not None else {}
    reads = (command.input, command.organ, command.groups, *(job.mask for job in jobs))
    with Outputs(*reads, replace=command.replace) as outputs:
        outputs.claim_folder(
            command.output, "analysis", [SUMMARY, RECORD, *GROUPS, *(name for job in jobs for name in job.files())]
        )
        if command.report is not None:
            outputs.claim_file(command.report, "report")
        with held(command.output, "analyse.py"):
            return analyse_jobs(jobs, command, groups, words)


def analyse_jobs(jobs: Sequence[Job], command: AnalyseCommand, groups: Mapping[str, str], words: Sequence[str]) -> int:
    """Analyse all cases, telling of each as it is done; 1 if one failed."""
    outcomes: dict[str, Outcome] = {}
    errors = AlikeLines()
    announce(what_compiling_takes(thin))
    with saying_what_is_kept(lambda: f"{what_is_done(outcomes, jobs, command)}; the same command analyses all anew"):
        for outcome in followed(do_all(jobs, command), "analyse", "case", len(jobs)):
            outcomes[outcome.case_id] = outcome
            if outcome.reason and errors.is_new(outcome.case_id, outcome.reason):
                say(f"failed: {outcome.case_id}: {outcome.reason}", error=True)
            for note in outcome.notes:
                say(f"warning: {outcome.case_id}: {note}", error=True)
        for line in errors.rest():
            say(f"failed: {line}", error=True)
    done = [outcomes[job.case_id] for job in jobs]
    rows = [row for outcome in done for row in outcome.rows]
    failed = {outcome.case_id: outcome.reason for outcome in done if outcome.reason}
    if rows:
        write_whole(command.output / SUMMARY, csv_of_records(rows))
        notes = {outcome.case_id: outcome.notes for outcome in done if outcome.notes}
        settings = command.analysis().model_dump(mode="json")
        write_json(command.output / RECORD, {"failed": failed, "notes": notes, "settings": settings, **versions()})
        of_groups = group_rows(rows, groups, tuple(WORDS)), difference_rows(rows, groups, tuple(WORDS))
        for name, its in zip(GROUPS, of_groups, strict=True):
            if its:
                write_whole(command.output / name, csv_of_records(its))
            else:
                remove(command.output / name)
        if command.report is not None:
            write_page(jobs, command, done, groups, of_groups, words)
    for row in rows:
        print(told(row))
    for nowhere in (complaints := classes_nowhere(jobs, done)):
        say(f"error: {nowhere}", error=True)
    if earlier := earlier_cases(command.output, [outcome.case_id for outcome in done if outcome.rows]):
        say(f"note: not in {SUMMARY}, of earlier runs: {', '.join(earlier)}", error=True)
    print(what_is_done(outcomes, jobs, command))
    return 1 if failed or complaints else 0


def write_page(
    jobs: Sequence[Job],
    command: AnalyseCommand,
    done: Sequence[Outcome],
    groups: Mapping[str, str],
    of_groups: tuple[Sequence[Row], Sequence[Row]],
    words: Sequence[str],
) -> None:
    """Write the page that was asked for."""
    assert command.report is not None, "asked by whoever has one"
    rows: list[Mapping[str, Any]] = []
    views, tables = {}, {}
    for job, outcome in zip(jobs, done, strict=True):
        for place, row in enumerate(outcome.rows):
            rows.append(row)
            tables[name_of(row)] = address_of(job.folder_of(str(row.get("class", ""))), command.report)
            if outcome.views:
                views[name_of(row)] = outcome.views[place]
    page = build_tree_page(
        rows,
        views,
        tables,
        {outcome.case_id: outcome.reason for outcome in done if outcome.reason},
        groups,
        *of_groups,
        shlex.join([*called("analyse"), *words]) if words else "",
        versions(),
        # Of a pattern, the folder.
        command.title or what_masks_are_called(command.input if command.input.exists() else command.input.parent),
    )
    write_whole(command.report, page)


def told(row: Mapping[str, Any]) -> str:
    """A row of the summary in a line."""
    name = " ".join(str(row[key]) for key in ("case", "class") if key in row)
    values = (f"{value:.0f}" if isinstance(value, float) else str(value) for value in (row[key] for key in _SHOWN))
    return f"{name}: " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in zip(_SHOWN, values))


def what_is_done(outcomes: Mapping[str, Outcome], jobs: Sequence[Job], command: AnalyseCommand) -> str:
    """How many cases are analysed, in words."""
    done = sum(bool(outcome.rows) for outcome in outcomes.values())
    return f"{done} of {len(jobs)} cases analysed" + (f", in {command.output}" if done else ", nothing is written")

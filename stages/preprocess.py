"""A preparation: every case of a data set looked at, prepared and shown, and the cases parted into folds."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ramify.compilation import can_be_kept, what_compiling_takes
from ramify.console.alike import AlikeLines
from ramify.console.progress import announce, followed, say
from ramify.console.signals import saying_what_is_kept
from ramify.data.adapters.base import Adapter
from ramify.data.adapters.opening import open_dataset
from ramify.data.case_record import digest_of
from ramify.data.case_store import DATASET_FILE, list_cases, prepare_store, read_case, read_dataset, read_record
from ramify.data.class_maps import describe_faults
from ramify.data.folds import SPLITS_FILE, FoldSettings, load_or_make_splits, patients_of, unused_cases
from ramify.data.label_names import DESCRIPTION
from ramify.disk.outputs import Outputs, give_up
from ramify.disk.own_files import remove
from ramify.drawing.figure_files import write_figure
from ramify.planning.choices import is_named, lines_of
from ramify.planning.fingerprint import Fingerprint
from ramify.planning.preparation import CROP, alternatives
from ramify.preprocessing.case_check import (
    CaseCheck,
    CheckWork,
    check_cases,
    nothing_drawn,
    organ_offered,
    table_of,
    without_a_voxel,
)
from ramify.preprocessing.case_pool import FIGURES_FOLDER, CaseReport, CaseWork, prepare_cases
from ramify.preprocessing.case_reader import KEPT_BYTES, CaseReader
from ramify.preprocessing.compiling import compile_first
from ramify.preprocessing.drawn_masks import ORGANS_FOLDER, TRUTH_FOLDER, describe_masks, organ_file, truth_file
from ramify.preprocessing.foreground import (
    FOREGROUND_FILE,
    ForegroundWork,
    changed_numbers,
    lacks_numbers,
    look_at_cases,
    with_numbers,
    with_numbers_of_store,
)
from ramify.preprocessing.freshness import check_same_data_set
from ramify.preprocessing.parting import check_can_be_parted
from ramify.preprocessing.planned import (
    FINGERPRINT_FILE,
    as_begun,
    fingerprint_of_store,
    fingerprint_together,
    for_the_look,
    of_one_kind,
    planned,
    write_fingerprint,
)
from ramify.preprocessing.prepared_table import classes_nowhere, table_of_prepared
from ramify.preprocessing.radius_figure import draw_radii
from ramify.preprocessing.settings import PreprocessCommand
from ramify.preprocessing.vanished import drop_cases, vanished_cases
from ramify.processes.crew import Crew
from ramify.processes.crews import crew_of
from ramify.processes.folder_lock import held
from ramify.vessels.thinning_kernel import thin

RADII_FIGURE = "branch_radii.png"


def preprocess(settings: PreprocessCommand, named: Collection[str] = ()) -> int:
    """Prepare all cases, or look at them; 1 if a case failed, 2 if nothing could be done.

    named: settings by dotted keys that `auto` leaves as they are.
    """
    adapter = open_dataset(settings)
    case_ids = adapter.case_ids()

    # On a cluster the next step of a case may be another machine's.
    keep_bytes = KEPT_BYTES // max(1, min(settings.workers, len(case_ids))) if settings.cluster is None else 0
    with crew_of(CaseReader(adapter, keep_bytes), settings, len(case_ids)) as crew:
        if settings.check:
            return check_alone(crew, case_ids, settings, named)
        return fill_store(crew, adapter, case_ids, settings, named)


def fill_store(
    crew: Crew[CaseReader],
    adapter: Adapter,
    case_ids: list[str],
    settings: PreprocessCommand,
    named: Collection[str],
) -> int:
    """Prepare all cases; 1 if a case failed, 2 if nothing could be done."""
    store = settings.store
    # Cases that the data set no longer has stay among those to part, unless they are dropped.
    known = {*case_ids, *([] if settings.drop_vanished else list_cases(store))}
    check_can_be_parted(store, known, settings.patient_pattern, settings.folds)
    files = [RADII_FIGURE, FINGERPRINT_FILE, *(f"{FIGURES_FOLDER}/{case_id}.png" for case_id in case_ids)]
    if settings.masks:
        files += [name(case_id) for case_id in case_ids for name in (truth_file, organ_file)]
        files.append(f"{TRUTH_FOLDER}/{DESCRIPTION}")
    with (
        saying_what_is_kept(lambda: f"{len(list_cases(store))} cases are in {store}; the same command goes on"),
        Outputs(settings.root, replace=settings.replace) as outputs,
    ):
        outputs.claim_folder(store, "cases", files, given=[SPLITS_FILE])
        with held(store, "preprocess.py"):
            return prepare(crew, adapter, case_ids, settings, named)


def prepare(
    crew: Crew[CaseReader],
    adapter: Adapter,
    case_ids: list[str],
    settings: PreprocessCommand,
    named: Collection[str],
) -> int:
    """The same in a store that is held; 1 if a case failed, 2 if nothing could be done."""
    store, all_ids = settings.store, case_ids
    begun, lacking = bool(list_cases(store)), lacks_numbers(settings.preprocessing)
    choosing = settings.auto and not begun
    if not begun:
        # Of a run that came to nothing: this one may have other settings.
        remove(store / DATASET_FILE)
    elif settings.auto:
        settings, kept = as_begun(settings, named)
        for line in lines_of(kept):
            print(line)
    # A store that was made otherwise is refused before all cases are read.
    if not lacking and not choosing:
        prepare_store(store, settings.what_shapes_a_case())
    elif begun:
        numbered = with_numbers_of_store(read_dataset(store).get("preprocessing"), settings.preprocessing)
        prepare_store(store, settings.model_copy(update={"preprocessing": numbered}).what_shapes_a_case())
    case_ids = []
    try:
        look = for_the_look(settings, named) if choosing else settings
        offers_organ = choosing and not is_named(CROP, named)
        case_ids, fingerprint = cases_to_prepare(crew, all_ids, look, offers_organ=offers_organ)
        if choosing and case_ids:
            settings = choose(settings, of_one_kind(fingerprint), named)
    finally:
        if not case_ids and not (store / FOREGROUND_FILE).is_file():
            forget_empty(store)
    if not case_ids:
        return 2
    if lacking:
        if (looked := look_at_vessels(crew, adapter, case_ids, settings)) is None:
            return 1
        settings = looked
    prepare_store(store, settings.what_shapes_a_case())
    if moved := check_same_data_set(store, adapter, all_ids):
        print(f"moved:    {moved}")
    tell_vanished(store, all_ids, settings.drop_vanished)
    if missing := [case_id for case_id in case_ids if case_id not in list_cases(store)]:
        compile_for(crew, missing, settings)
    work = CaseWork(store, settings.preprocessing, settings.verify, settings.masks)
    try:
        reports = follow(prepare_cases(crew, work, case_ids), len(case_ids))
    finally:
        forget_empty(store)

    failed, complaints = [report for report in reports if report.error], 0
    if prepared := list_cases(store):
        complaints = show(store, prepared, reports)
        if (found := fingerprint_of_store(store)) is not None:
            write_fingerprint(store, found)
            if not choosing:
                print("\n".join(found.lines()))
        write_figure(draw_radii({case_id: radii_of(store, case_id) for case_id in prepared}), store / RADII_FIGURE)
        print(f"figures:  {store / FIGURES_FOLDER}, {store / RADII_FIGURE}")
        if settings.masks:
            describe_masks(store, read_case(store, prepared[0]).known.classes)
            organs = store / ORGANS_FOLDER
            print(f"masks:    {store / TRUTH_FOLDER}{f', {organs}' if organs.is_dir() else ''}")
    if failed:
        print(f"{len(failed)} of {len(case_ids)} cases failed; no splits are made until all of them are prepared")
        return 1
    print(f"splits:   {describe_splits(store, settings.folds)}")
    if left_out := len(all_ids) - len(case_ids):
        print(f"{left_out} of {len(all_ids)} cases are faulty and were left out")
    return 1 if left_out or complaints else 0


def compile_for(crew: Crew[CaseReader], case_ids: Sequence[str], settings: PreprocessCommand) -> None:
    """Say where kernels are compiled first, and do that where each of several workers would."""
    # Minutes are told of the first case otherwise, and four times as many of four.
    takes = what_compiling_takes(thin)
    announce(takes)
    several = settings.cluster is None and min(settings.workers, len(case_ids)) > 1
    if takes and several and can_be_kept(thin):
        compile_first(crew, case_ids)


def look_through(
    crew: Crew[CaseReader], case_ids: Sequence[str], work: CheckWork, settings: PreprocessCommand
) -> list[CaseCheck]:
    """What the cases hold, in their order; all that is wrong with them a line each on stderr."""
    errors, found = AlikeLines(), {}
    compile_for(crew, case_ids, settings)
    for check in followed(check_cases(crew, work, case_ids), "checking", "case", len(case_ids)):
        found[check.case_id] = check
        if check.error and errors.is_new(check.case_id, check.error):
            say(f"error: {check.error}", error=True)
    faults = describe_faults({case_id: check.faults for case_id, check in found.items()})
    for line in [*errors.rest(), *faults]:
        say(f"error: {line}", error=True)
    return [found[case_id] for case_id in case_ids]


def check_alone(
    crew: Crew[CaseReader], case_ids: Sequence[str], settings: PreprocessCommand, named: Collection[str]
) -> int:
    """Show what each case holds and what `auto` would choose, and write nothing; 1 if a case cannot be prepared."""
    with saying_what_is_kept(lambda: "a look writes nothing; the same command looks anew"):
        checks = look_through(crew, case_ids, CheckWork(for_the_look(settings, named).preprocessing), settings)
    for check in checks:
        for doubt in check.doubts:
            say(f"warning: {check.case_id}: {doubt}", error=True)
    print("\n".join(table_of(checks)))
    faulty = sum(check.is_faulty for check in checks)
    complaints = [nothing] if (nothing := nothing_drawn(checks)) else without_a_voxel(checks)
    for complaint in complaints:
        say(f"error: {complaint}", error=True)
    if settings.auto and not is_named(CROP, named) and (offer := organ_offered(checks)):
        say(f"note: {offer}", error=True)
    if (fingerprint := fingerprint_of_checks(checks)) is not None:
        print("\n".join([*fingerprint.lines(), *alternatives(fingerprint, settings.preprocessing.grid.spacing_mm)]))
    if settings.auto and faulty < len(checks):
        begun = settings.output is not None and list_cases(settings.output)
        _, choices = as_begun(settings, named) if begun else planned(settings, of_one_kind(fingerprint), named)
        print("\n".join(lines_of(choices)))
    print(f"checked:  {len(checks)} case{'s' * (len(checks) > 1)}, {faulty or 'none'} faulty")
    check_can_be_parted(settings.output, case_ids, settings.patient_pattern, settings.folds)
    return 1 if faulty or complaints else 0


def fingerprint_of_checks(checks: Iterable[CaseCheck]) -> Fingerprint | None:
    """That of the cases that are not faulty; None where there are none, or some are planes and others volumes."""
    return fingerprint_together({check.case_id: check.fingerprint for check in checks if check.fingerprint})


def choose(settings: PreprocessCommand, fingerprint: Fingerprint, named: Collection[str]) -> PreprocessCommand:
    """The settings with what the fingerprint asks for in them, told in a line each and kept in the store."""
    settings, choices = planned(settings, fingerprint, named)
    print("\n".join([*fingerprint.lines(), *lines_of(choices)]))
    write_fingerprint(settings.store, fingerprint, choices)
    return settings


def cases_to_prepare(
    crew: Crew[CaseReader], case_ids: list[str], settings: PreprocessCommand, *, offers_organ: bool
) -> tuple[list[str], Fingerprint | None]:
    """All cases, or where some are faulty and that is asked for, the others; else none. All that is wrong is told.

    And the fingerprint of those that were looked at, where `auto` asks for it. Cases that are prepared already are not
    looked at, nor, but for that, are phantoms, which are grown without a file.
    offers_organ: tell of an organ that the labels seem to hold and nobody asked for.
    Raises ValueError where the others cannot be parted as is asked for.
    """
    prepared = set(list_cases(settings.store))
    missing = [case_id for case_id in case_ids if case_id not in prepared]
    if not missing or (settings.root is None and not settings.auto):
        return case_ids, None
    work = CheckWork(settings.preprocessing, describe=False, fingerprint=settings.auto and not prepared)
    checks = look_through(crew, missing, work, settings)
    if offers_organ and (offer := organ_offered(checks)):
        say(f"note: {offer}", error=True)
    if not prepared and (nothing := nothing_drawn(checks)):
        say(f"error: {nothing}", error=True)
        print("nothing was prepared")
        return [], None
    faulty = {check.case_id for check in checks if check.is_faulty}
    fit = [case_id for case_id in case_ids if case_id not in faulty]
    if faulty and not (settings.skip_faulty and fit):
        others = "; mend them, or prepare the others with --skip-faulty" if fit else ""
        print(f"{len(faulty)} of {len(case_ids)} cases are faulty, nothing was prepared{others}")
        return [], None
    if faulty:
        check_can_be_parted(settings.store, {*fit, *prepared}, settings.patient_pattern, settings.folds)
    return fit, fingerprint_of_checks(checks)


def look_at_vessels(
    crew: Crew[CaseReader], adapter: Adapter, case_ids: list[str], settings: PreprocessCommand
) -> PreprocessCommand | None:
    """The settings with the grey values of the vessels of all cases in them; None if a case failed.

    Raises ValueError where they are others than those that the cases in the store were prepared with.
    """
    store, errors = settings.store, AlikeLines()
    work = ForegroundWork(settings.preprocessing, digest_of(settings.what_shapes_a_case()))
    known = work.known_before(adapter, store, case_ids)
    left = len(case_ids) - len(known)
    with saying_what_is_kept(lambda: f"{len(known)} of {len(case_ids)} cases were looked at; the same command goes on"):
        for found in followed(look_at_cases(crew, work, store, case_ids, known), "vessels", "case", left):
            if not found.error:
                known.append(found)
            elif errors.is_new(found.case_id, found.error):
                say(f"error: {found.error}", error=True)
    for alike in errors.rest():
        say(f"error: {alike}", error=True)
    if failed := len(case_ids) - len(known):
        print(
            f"{failed} of {len(case_ids)} cases failed; the method foreground needs the vessels of all, or numbers of "
            "its own: preprocessing.intensity.foreground"
        )
        return None
    resolved = with_numbers(settings.preprocessing, known)
    if list_cases(store) and (line := changed_numbers(read_dataset(store).get("preprocessing"), resolved)):
        raise ValueError(f"{store}: {line}")
    for name, rule in resolved.channels.items():
        if rule.foreground:
            lower, upper, mean, deviation = rule.foreground
            print(f"vessels:  channel {name}: {lower:g} to {upper:g}, mean {mean:g}, deviation {deviation:g}")
    return settings.model_copy(update={"preprocessing": resolved})


def follow(reports: Iterable[CaseReport], count: int) -> list[CaseReport]:
    """All reports, with a progress bar on a terminal, and each failure and warning on stderr as it happens."""
    done, errors = [], AlikeLines()
    for report in followed(reports, "preparing", "case", count):
        done.append(report)
        if report.error:
            if errors.is_new(report.case_id, report.error):
                say(f"error: {report.error}", error=True)
        elif report.stale:
            say(f"{report.case_id}: {report.stale}: made anew", error=True)
        for warning in report.warnings:
            say(f"warning: {report.case_id}: {warning}", error=True)
    for line in errors.rest():
        say(f"error: {line}", error=True)
    return done


def tell_vanished(store: Path, case_ids: list[str], drop: bool) -> None:
    """A line on stderr for each prepared case that the data set no longer has, and they are dropped if so wished."""
    gone = vanished_cases(store, case_ids)
    lines = (
        drop_cases(store, gone)
        if drop
        else [f"{case_id}: not in the data set any more, stays prepared; --drop-vanished drops it" for case_id in gone]
    )
    for line in lines:
        say(line, error=True)


def show(store: Path, case_ids: list[str], reports: list[CaseReport]) -> int:
    """A row for each prepared case, and what is worth knowing about its scales; how many classes no case has."""
    print("\n".join(table_of_prepared(store, case_ids)))
    warnings, complaints = classes_nowhere(store, case_ids)
    for warning in warnings:
        say(f"warning: {warning}", error=True)
    for complaint in complaints:
        say(f"error: {complaint} (the cases are prepared)", error=True)
    found = sum(report.found for report in reports)
    print(f"cases:    {len(case_ids)} in {store}" + (f" ({found} found there already)" if found else ""))
    return len(complaints)


def radii_of(store: Path, case_id: str) -> list[float]:
    """Branch radii of a prepared case in mm."""
    return list(read_record(store, case_id)["scales"]["radii_mm"])


def describe_splits(store: Path, settings: FoldSettings) -> str:
    """Make the splits, or obey the ones that are there; in words."""
    path, patient_of = store / SPLITS_FILE, patients_of(store)
    if not path.exists() and len(set(patient_of.values())) == 1:
        return "none, one patient cannot be parted; train.py --fold all trains and validates on the same case"
    given = path.exists()
    splits = load_or_make_splits(path, patient_of, settings)
    unused = unused_cases(splits, patient_of)
    tested = {case_id for fold in splits for case_id in fold.get("test", ())}
    held_out = f" and a test set of {len(tested)} cases" if tested else ""
    text = f"{path} ({len(splits)} folds{held_out}{', as found' if given else ''})"
    return text + (f"; not in any fold: {', '.join(unused)}; remove the file to part the cases anew" if unused else "")


def forget_empty(store: Path) -> None:
    """Leave no trace of a store without a case."""
    if not list_cases(store):
        remove(store / DATASET_FILE)
        remove(store / FOREGROUND_FILE)
        remove(store / FINGERPRINT_FILE)
        give_up(store)

"""From files of masks to analysed trees: which files make a case, and what is done with one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.analysis.page.settings import TreePageSettings
from ramify.analysis.page.tree_view import TreeView, view_tree
from ramify.analysis.settings import AnalyseCommand
from ramify.analysis.summary import flat_row
from ramify.analysis.tree_files import SUMMARY, clear, file_names, write_tree
from ramify.analysis.vessel_tree import VesselTree, analyse
from ramify.console.error_line import line_of, reason_of
from ramify.data.case_paths import CASE, is_of_each_case, path_of_case
from ramify.data.dicom import holds_series
from ramify.data.file_names import case_name, natural_order
from ramify.data.label_names import labels_beside
from ramify.data.labelled_file import Choice, LabelledFile
from ramify.data.mask_folders import ORGAN_SUFFIXES, VESSEL_SUFFIX, mask_case, masks_by_case, vessel_masks
from ramify.data.mask_of_case import only_file
from ramify.data.organ_labels import organ_mask
from ramify.data.raw_case import place_mask
from ramify.data.unplaced import notes_on_size
from ramify.data.volume import Volume
from ramify.metrics.classes import LabelClass, parse_classes
from ramify.preprocessing.plausibility import doubts_about_spacing, doubts_about_vessels
from ramify.processes.crew_settings import CrewSettings
from ramify.processes.crews import case_reports
from ramify.report.exports import check_folder_name


@dataclass(frozen=True)
class Job:
    """A mask to analyse, and where its results go.

    folder: of the case, in the output.
    shown: how much of it a page shows, None where it shows nothing.
    """

    case_id: str
    mask: Path
    command: AnalyseCommand
    shown: TreePageSettings | None = None

    @property
    def folder(self) -> Path:
        return self.command.output / self.case_id

    def folder_of(self, class_name: str) -> Path:
        """Where the files of a class go, '' for the whole mask."""
        return self.folder / class_name

    def classes(self) -> tuple[LabelClass, ...]:
        """The classes that are asked for, of labels by number or by the names of a dataset.json beside the mask.

        Raises ValueError for a class that there is not, or whose name is no folder's.
        """
        words = self.command.classes
        classes = parse_classes(words, labels_beside(self.mask).names) if words else ()
        for one in classes:
            check_folder_name(one.name)
        return classes

    def files(self) -> list[str]:
        """Every file there may be of it, relative to the output."""
        command = self.command
        names = file_names(command.systems, command.organ is not None, command.forms)
        parts = [one.name for one in self.classes()] or ["."]
        return [str(Path(self.case_id) / part / name) for part in parts for name in names]


@dataclass(frozen=True)
class Outcome:
    """What became of a case: a row of the summary for the mask, or for each class; or why there is none.

    views: what a page shows of each row, where one is asked for.
    """

    case_id: str
    rows: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    views: tuple[TreeView, ...] = ()


def find_jobs(command: AnalyseCommand) -> list[Job]:
    """One job a case, by the cases' natural order.

    Raises FileNotFoundError or ValueError: nothing there, two masks of one case, one root for several cases.
    """
    masks = _masks(command)
    if unknown := [case for case in command.cases if case not in masks]:
        raise ValueError(f"--cases {unknown[0]}: no such case in {command.input}; there are {', '.join(masks)}")
    chosen = [case for case in sorted(masks, key=natural_order) if not command.cases or case in command.cases]
    chosen = command.chosen(chosen)
    if command.root and len(chosen) > 1:
        raise ValueError(f"--root: is a place in one patient, not in {len(chosen)}; choose one with --cases")
    if command.organ is not None and not is_of_each_case(command.organ):
        if not command.organ.exists():
            raise FileNotFoundError(f"--organ {command.organ}: no such file or folder")
        if len(chosen) > 1 and not _is_folder(command.organ):
            raise ValueError(
                f"--organ {command.organ}: one mask for {len(chosen)} cases; give a folder with one mask a case, or a "
                f"path with {CASE} in it"
            )
    return [Job(case, masks[case], command, _shown_of(number, command)) for number, case in enumerate(chosen)]


def _shown_of(number: int, command: AnalyseCommand) -> TreePageSettings | None:
    """How much a page shows of so many-th a case, from 0: what it has no room for is not made."""
    if command.report is None or number >= command.shown.cases:
        return None
    return command.shown if number < command.shown.surfaces else command.shown.model_copy(update={"surfaces": 0})


def _masks(command: AnalyseCommand) -> dict[str, Path]:
    """The mask of each case."""
    path, suffix = command.input, command.input_suffix
    if path.exists() and not _is_folder(path):
        name = mask_case(path, suffix) or case_name(path)
        return {(name if suffix else name.removesuffix(VESSEL_SUFFIX)) or name: path}
    return vessel_masks(path, suffix)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not holds_series(path)


def classes_nowhere(jobs: Sequence[Job], outcomes: Collection[Outcome]) -> list[str]:
    """A line for each class of which several cases have not a voxel: its label is hardly right."""
    done = [outcome for outcome in outcomes if outcome.rows]
    if len(done) < 2:
        return []
    found = {row.get("class") for outcome in done for row in outcome.rows}
    return [
        f"class {one.name} (label {' or '.join(map(str, one.labels))}): no case has a voxel of it; is its label right?"
        for one in jobs[0].classes()
        if one.name not in found
    ]


def earlier_cases(output: Path, done: Collection[str]) -> list[str]:
    """Cases whose results stand in the output from an earlier run, and are not among those done now."""
    found = {path.relative_to(output).parts[0] for path in output.glob(f"*/**/{SUMMARY}")}
    return sorted(found - {*done}, key=natural_order)


def do_all(jobs: Sequence[Job], crew: CrewSettings) -> Iterator[Outcome]:
    """Outcomes as they come, in this process or in several; their order is not that of the jobs."""
    if crew.in_this_process:
        return map(attempt, jobs)
    do = partial(_attempt_case, {job.case_id: job for job in jobs})
    return case_reports(do, [job.case_id for job in jobs], crew, lambda case, how: Outcome(case, reason=how))


def _attempt_case(jobs: Mapping[str, Job], case_id: str) -> Outcome:
    """`attempt`, in another process that is told the cases by name."""
    return attempt(jobs[case_id])


def attempt(job: Job) -> Outcome:
    """Analyse a case and write its files; bad input becomes a reason in one line."""
    try:
        return _do(job)
    except Exception as error:
        return Outcome(job.case_id, reason=reason_of(error))


def _do(job: Job) -> Outcome:
    command = job.command
    volume, masks, labels = _read(job)
    organ = _organ(job, volume, labels)
    of_case = [*volume.notes, *notes_on_size(volume), *doubts_about_spacing(volume)]
    if organ is not None:
        of_case += [f"organ: {note}" for note in organ.notes]
    notes = list(of_case)
    trees: dict[str, VesselTree] = {}
    told: dict[str, tuple[str, ...]] = {}
    for name, mask in masks.items():
        of_class = f"class {name}: " if name else ""
        if not mask.any():
            if not name:
                why = "".join(f" ({note})" for note in volume.notes)
                raise ValueError(f"{job.mask}: the mask is empty{why}; leave this case out")
            notes.append(f"{of_class}no voxel of it in {job.mask.name}")
            continue
        doubts = doubts_about_vessels(mask, None if organ is None else organ.array)
        trees[name] = analyse(
            mask, volume.spacing_mm, command.analysis(), None if organ is None else organ.array, volume
        )
        told[name] = (*doubts, *trees[name].notes)
        notes += [f"{of_class}{note}" for note in told[name]]
    if not trees:
        raise ValueError(f"{job.mask}: none of the classes has a voxel; are their labels right?")
    rows = [
        {"case": job.case_id, **({"class": name} if name else {}), **flat_row(tree.summary)}
        for name, tree in trees.items()
    ]
    _write(job, trees)
    views: list[TreeView] = []
    if job.shown is not None:
        try:
            views = [replace(view_tree(tree, job.shown), notes=(*of_case, *told[name])) for name, tree in trees.items()]
        except (ValueError, OSError, MemoryError) as error:
            # What is only looked at costs no figures.
            notes.append(f"not shown on the page: {line_of(error)}")
    return Outcome(job.case_id, tuple(rows), tuple(notes), views=tuple(views))


def _write(job: Job, trees: Mapping[str, VesselTree]) -> None:
    """The files of a case, in the place of those of an earlier run; what is interrupted leaves none."""
    clear(job.folder)
    try:
        for name, tree in trees.items():
            write_tree(job.folder_of(name), tree, job.command.forms)
    except BaseException:
        # Half of a case looks like a whole one.
        clear(job.folder)
        raise


def _read(job: Job) -> tuple[Volume, dict[str, NDArray[np.bool_]], Choice]:
    """The grid of a case, its mask or those of its classes by name, and the labels that these are; none of a mask."""
    command = job.command
    file = LabelledFile(job.mask, command.spacing_mm or None, offer=" (or analyse each with --classes)")
    if classes := job.classes():
        labels = [label for one in classes for label in one.labels]
        file.check_there(labels, "--classes")
        return file.label_map, {one.name: one.mask_in(file.label_map.array) for one in classes}, labels
    choice = file.choose(command.input_labels, "vessels", "--input-labels")
    mask = file.mask(choice, "vessels", "--input-labels")
    return mask, {"": mask.array}, choice or ()


def _organ(job: Job, mask: Volume, vessels: Choice) -> Volume | None:
    """The organ of a case on its mask's grid. vessels: the mask's labels, which lie in an organ of the same file."""
    command = job.command
    if command.organ is None:
        return None
    path = path_of_case(command.organ, job.case_id)
    if _is_folder(path):
        by_case = masks_by_case(path, command.organ_suffix)
        names = [job.case_id, *(f"{job.case_id}{suffix}" for suffix in ORGAN_SUFFIXES if not command.organ_suffix)]
        files = [file for name in names for file in by_case.get(name, [])]
        path = only_file(files, "organ", job.case_id, path, command.organ_suffix)
    file = LabelledFile(path, command.spacing_mm or None)
    inside = vessels if path.resolve() == job.mask.resolve() else None
    organ = organ_mask(file, command.organ_labels, inside)
    if not organ.array.any():
        why = "".join(f" ({note})" for note in organ.notes)
        raise ValueError(
            f"{path}: the organ mask is empty{why}; mend it, choose with --organ-labels, or leave --organ out"
        )
    placed = place_mask(organ, mask, str(path), command.resample_masks, job.mask.name)
    if not placed.array.any():
        raise ValueError(f"{path}: the organ lies outside the grid of {job.mask.name}; check that they belong together")
    return placed

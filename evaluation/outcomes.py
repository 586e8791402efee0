"""What becomes of each case: its scores, or why it has none; one case at a time or several."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.console.error_line import line_of, reason_of
from ramify.data.mask_of_case import none_of_that_name
from ramify.data.prediction_record import record_beside
from ramify.evaluation.case_files import CaseMasks, read_masks
from ramify.evaluation.case_images import read_image
from ramify.evaluation.ceilings import Drawn, drawn_of
from ramify.evaluation.jobs import Job
from ramify.evaluation.labels_without_class import ByRole, labels_without_class
from ramify.metrics.case import CaseScores, analyse_pair, score_pair
from ramify.metrics.class_scores import analyse_classes
from ramify.metrics.classes import MERGED, LabelClass
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.topcow import TopCowCase, score_topcow
from ramify.preprocessing.plausibility import doubt_about_labels
from ramify.processes.crew_settings import CrewSettings
from ramify.processes.crews import case_reports
from ramify.report.case_view import CaseView
from ramify.report.class_maps import class_maps
from ramify.report.exports import export_case
from ramify.report.presentation import present_case
from ramify.report.slices import cut_slices

_OF_IMAGE = "image: "
"""Begins a note on an image that is told, too."""
_COVERED = 0.99
"""An image that shows less of a case is told."""


class Outcome(NamedTuple):
    """The scores of a case, or why there are none.

    scores: of label maps, those of each class and region. notes: what must be known beside them, a line each. view:
    what a report shows. drawn: the truth, by which it is known again. unseen: why there is nothing to look at, where
    there should be. topcow: what TopCoW measures of it, where that is asked for.
    classless: labels in no class, where classes are named by hand. predicted: what made the prediction, where a record
    beside it says so.
    """

    case_id: str
    scores: CaseScores | dict[str, CaseScores] | None
    reason: str = ""
    notes: tuple[str, ...] = ()
    view: CaseView | None = None
    drawn: Drawn | None = None
    unseen: str = ""
    topcow: TopCowCase | None = None
    classless: ByRole | None = None
    predicted: Mapping[str, object] | None = None


def evaluate_all(jobs: Sequence[Job], crew: CrewSettings) -> Iterator[Outcome]:
    """Outcomes as they come, in this process or in several; their order is not that of the jobs."""
    if crew.in_this_process:
        return map(attempt, jobs)
    do = partial(_attempt_case, {job.case_id: job for job in jobs})
    return case_reports(do, [job.case_id for job in jobs], crew, lambda case_id, how: Outcome(case_id, None, how))


def _attempt_case(jobs: Mapping[str, Job], case_id: str) -> Outcome:
    """`attempt`, in another process that is told the cases by name."""
    return attempt(jobs[case_id])


def attempt(job: Job) -> Outcome:
    """Evaluate a case; bad input becomes a reason in one line."""
    try:
        return evaluate_files(job)
    except Exception as error:
        return Outcome(job.case_id, None, reason_of(error))


def evaluate_files(job: Job) -> Outcome:
    """Read the masks of a case, compare them in the organ, look at them; raises as `read_masks`."""
    masks, settings, chosen = read_masks(job), job.command.evaluation(), job.chosen
    pair, spacing_mm = (masks.prediction, masks.truth), masks.place.spacing_mm
    if chosen.classes:
        # Shown are the vessels of all classes together, which are analysed once.
        shown = next((one for one in chosen.measured if one.name == MERGED), LabelClass(MERGED, chosen.labels))
        pair = shown.mask_in(masks.prediction), shown.mask_in(masks.truth)
    analyses = analyse_pair(*pair, spacing_mm, settings, masks.region)
    scores: CaseScores | dict[str, CaseScores] = score_pair(*analyses, settings) if not chosen.classes else {}
    unexported, topcow = "", None
    if chosen.classes:
        scores, unexported = _score_classes(job, masks, analyses)
    if job.command.topcow:
        matrix, _ = masks.place.affine()
        # World components are z, y, x, and x grows to the left.
        topcow = score_topcow(masks.prediction, masks.truth, chosen, spacing_mm, matrix[-1].tolist(), masks.region)
    view, unseen = _looked_at(job, masks, analyses)
    notes = (*masks.notes, *(note for note in (view.notes if view is not None else ()) if note.startswith(_OF_IMAGE)))
    drawn, unseen = drawn_of(masks.place), unseen or unexported
    predicted = record_beside(job.files["prediction"][0])
    return Outcome(job.case_id, scores, "", notes, view, drawn, unseen, topcow, _classless(job, masks), predicted)


def _classless(job: Job, masks: CaseMasks) -> ByRole | None:
    """Labels in no class; of a table, which may leave out organs and background on purpose, they are not told."""
    if not job.chosen.classes or job.command.classes_of is not None:
        return None
    maps = {"truth": masks.truth, "prediction": masks.prediction}
    return {role: labels_without_class(its, job.chosen, masks.region) for role, its in maps.items()}


def _score_classes(
    job: Job, masks: CaseMasks, together: tuple[MaskAnalysis, MaskAnalysis]
) -> tuple[dict[str, CaseScores], str]:
    """The scores of each class and region, and why a class could not be exported where that is asked for.

    together: the analyses of all vessel classes as one mask.
    """
    chosen, settings, unexported = job.chosen, job.command.evaluation(), ""
    others = [one for one in chosen.measured if one.name != MERGED]
    spacing_mm, rows = masks.place.spacing_mm, {}
    if len(others) < len(chosen.measured):
        rows[MERGED] = score_pair(*together, settings)
    for one, pair in analyse_classes(masks.prediction, masks.truth, spacing_mm, others, settings, masks.region):
        rows[one.name] = score_pair(*pair, settings)
        if job.command.export is not None and one in chosen.classes:
            try:
                folder = job.command.export / job.case_id
                export_case(folder, one.name, *pair, masks.place, job.command.export_settings())
            except (ValueError, OSError, MemoryError) as error:
                unexported = line_of(error)
    return {one.name: rows[one.name] for one in chosen.measured}, unexported


def _looked_at(job: Job, masks: CaseMasks, analyses: tuple[MaskAnalysis, MaskAnalysis]) -> tuple[CaseView | None, str]:
    """What a report shows of a case, and what of it could not be shown: what is only looked at costs no scores."""
    command, classes = job.command, None
    try:
        if job.chosen.classes and (command.asks_for_views() or command.export is not None):
            classes = class_maps(masks.prediction, masks.truth, job.chosen.classes, masks.region)
        view = present_case(job.case_id, *analyses, masks.place, command, classes)
    except (ValueError, OSError, MemoryError) as error:
        return None, line_of(error)
    if view is None or command.image is None:
        return view, ""
    if job.image is None:
        return view, none_of_that_name("image", job.case_id, command.image, "--image", command.image_suffix)
    try:
        image = read_image(job.image, command.series, command.spacing_mm or None)
        slices = cut_slices(*analyses, image, masks.place, command.shown, _organ_of(job, masks), classes)
    except (ValueError, OSError, MemoryError) as error:
        line = line_of(error)
        return view, line if str(job.image) in line else f"{job.image}: {line}"
    notes = view.notes
    if doubt := doubt_about_labels(image.array):
        notes += (f"{_OF_IMAGE}{doubt}",)
    if slices is not None and slices.covered < _COVERED:
        notes += (f"the image covers {100 * slices.covered:.0f} % of what is shown here: is it this patient's?",)
    return replace(view, slices=slices, notes=notes), ""


def _organ_of(job: Job, masks: CaseMasks) -> NDArray[np.bool_] | None:
    """What slices are cut around, if there is an organ."""
    return masks.region if job.command.organ is not None else None

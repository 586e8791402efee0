"""All that evaluate.py does besides its tables: look at each case while it is at hand, and write it up in the end."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ramify.data.volume import Volume
from ramify.disk.outputs import Outputs
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.report.case_view import CaseView, view_case
from ramify.report.class_maps import ClassMaps
from ramify.report.event_log import FOLDER, log_report
from ramify.report.exports import CLASSES_FILE, check_folder_name, export_case, export_classes, exported_names
from ramify.report.page import write_report
from ramify.report.settings import PresentationSettings


def claim_places(
    outputs: Outputs, settings: PresentationSettings, case_ids: Sequence[str], classes: Sequence[str] = ()
) -> None:
    """Make sure, before the work, that what is asked for may be written and can be; raises as `Outputs` does.

    classes: names of those of label maps, each of which is exported into a folder of its own.
    """
    if settings.report is not None:
        outputs.claim_file(settings.report, "report")
    if settings.export is not None:
        names = exported_names(settings.export_forms)
        for name in classes:
            check_folder_name(name)
        names |= {f"{one}/{name}" for one in classes for name in names} | ({CLASSES_FILE} if classes else set())
        outputs.claim_folder(settings.export, "exports", [f"{case}/{name}" for case in case_ids for name in names])
    if settings.tensorboard is not None:
        outputs.claim_folder(settings.tensorboard / FOLDER, "events")


def present_case(
    case_id: str,
    prediction: MaskAnalysis,
    target: MaskAnalysis,
    place: Volume,
    settings: PresentationSettings,
    classes: ClassMaps | None = None,
) -> CaseView | None:
    """Export a case and look at it, as far as asked for; errors as `export_case` and `view_case`.

    Args:
        case_id: name of the case.
        prediction, target: analyses of masks on the grid of `place`.
        place: the volume that says where the grid lies.
        settings: what is asked for.
        classes: of label maps, on the grid of `place`.
    """
    if settings.export is not None:
        export_case(settings.export, case_id, prediction, target, place, settings.export_settings())
        if classes is not None:
            export_classes(settings.export, case_id, classes, place, settings.export_settings())
    return view_case(prediction, target, place, settings.shown, classes) if settings.asks_for_views() else None


def present(
    report: Mapping[str, Any],
    views: Mapping[str, CaseView],
    settings: PresentationSettings,
    typed: Sequence[str] = (),
) -> list[Path]:
    """Write the page and the events that are asked for; return what was written, exports included.

    Args:
        report: what `metrics.table.build_report` gives.
        views: case id -> what `present_case` gave.
        settings: what is asked for.
        typed: the words of the command, for whoever wants to do it again.

    Raises:
        OSError: something cannot be written.
    """
    written = [settings.export] if settings.export is not None else []
    if settings.report is not None:
        write_report(settings.report, report, views, shlex.join(typed), settings.shown, settings.title)
        written.append(settings.report)
    if settings.tensorboard is not None:
        written.append(log_report(settings.tensorboard, report, views, settings.shown))
    return written

"""An evaluation for people and other programs: a page to read, surfaces and centrelines to open elsewhere."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.report.case_view import CaseView, view_case
    from ramify.report.event_log import log_report
    from ramify.report.exports import export_case
    from ramify.report.page import write_report
    from ramify.report.settings import ExportSettings, ReportSettings
    from ramify.report.slices import CaseSlices, cut_slices
    from ramify.report.surfaces import Surface, extract_surface
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "CaseSlices",
    "CaseView",
    "ExportSettings",
    "ReportSettings",
    "Surface",
    "cut_slices",
    "export_case",
    "extract_surface",
    "log_report",
    "view_case",
    "write_report",
]

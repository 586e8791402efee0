"""What a report shows of each case, and what is exported; and how evaluate.py is asked for either."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, Field, PositiveFloat

from ramify.essential import Essential

Space = Literal["lps", "ras"]
"""Patient coordinates: x, y, z grow to the left, back and head (`lps`: DICOM, ITK), or to the right, front and head."""

ExportForm = Literal["stl", "ply", "glb", "vtp", "swc", "graphml"]
EXPORT_FORMS: tuple[ExportForm, ...] = get_args(ExportForm)


class ReportSettings(BaseModel, frozen=True, extra="forbid"):
    """How much a report shows; every case is in its tables."""

    cases: int = Field(default=40, ge=0)
    """Cases shown in pictures, the worst; the page grows by about 0.2 MB with each."""
    surfaces: int = Field(default=12, ge=0)
    """Of these, cases with a surface to rotate, the worst; the page grows by about 0.3 MB with each."""
    triangles: int = Field(default=30_000, ge=100)
    """Most triangles of a surface; larger ones are simplified."""
    slices: int = Field(default=6, ge=0)
    """Of these, cases with the slices of their image (--image), the worst; the page grows by about 1 MB with each."""
    slices_each: int = Field(default=64, ge=1)
    """Most slices of a case; of more, every n-th is shown."""
    slice_pixels: int = Field(default=256, ge=32)
    """Longest side of a slice's grey values, which larger ones are averaged down to; masks keep their own voxels."""
    window: tuple[float, PositiveFloat] | None = None
    """Centre and width of the grey values that are told apart at first, e.g. 40 400; of CTs 100 250 (HU)."""
    sort_by: str = "cldice"
    """Measure that ranks the cases; one that was not measured gives way to the first that was."""


class ExportSettings(BaseModel, frozen=True, extra="forbid"):
    """What is written for other programs."""

    coordinates: Space = "lps"
    """Patient coordinates: `lps` as DICOM, ITK and 3D Slicer's files, or `ras`."""
    forms: tuple[ExportForm, ...] = EXPORT_FORMS
    """Which files: surfaces as stl, ply, glb; centrelines as vtp, swc, graphml."""


class PresentationSettings(BaseModel, frozen=True, extra="forbid"):
    """What an evaluation gives besides its tables."""

    report: Essential[Path | None] = None
    """Write a report to read here, one HTML page that opens offline."""
    title: str = ""
    """What the report is called, in its head and in the browser's tab; by itself the folder of the predictions and
    the one around it, plain/predictions."""
    shown: ReportSettings = ReportSettings()
    """How much of it."""
    export: Essential[Path | None] = None
    """Write surfaces and centrelines of truth and prediction for other programs, a folder a case, into this folder."""
    export_coordinates: Space = "lps"
    """Patient coordinates of what is exported: `lps` as DICOM, ITK and 3D Slicer's files, or `ras`."""
    export_forms: tuple[ExportForm, ...] = EXPORT_FORMS
    """Which files to export: surfaces as stl, ply, glb; centrelines as vtp, swc, graphml."""
    tensorboard: Path | None = None
    """Log means and pictures as TensorBoard events into this run's folder."""

    def export_settings(self) -> ExportSettings:
        """What is written for other programs."""
        return ExportSettings(coordinates=self.export_coordinates, forms=self.export_forms)

    def asks_for_views(self) -> bool:
        """Whether cases have to be looked at, which takes longer than to score them."""
        return self.report is not None or self.tensorboard is not None

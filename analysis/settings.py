"""How a vascular tree is described, and what analyse.py is asked."""

from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import BaseModel, Field, PositiveFloat, field_validator, model_validator

from ramify.analysis.page.settings import TreePageSettings
from ramify.data.case_choice import CaseChoice
from ramify.essential import Essential
from ramify.processes.crew_settings import CrewSettings
from ramify.report.settings import Space
from ramify.settings_errors import PythonSettings
from ramify.vessels.scale_settings import ScaleSettings

AnalysisForm = Literal["maps", "vtp", "swc", "graphml", "json", "stl", "glb"]
EVERY_FORM: tuple[AnalysisForm, ...] = get_args(AnalysisForm)


class AnalysisSettings(PythonSettings, frozen=True, extra="forbid"):
    """How the branches of a mask become trees, and what is measured of them."""

    root: Essential[tuple[str, ...]] = ()
    """Where a tree begins: x,y,z in patient mm (2D: x,y), the nearer end of the vessel there; of two --systems one
    each. Without it, the thickest end that is cut by the border of the organ or of the volume, else the thickest end.
    Write --root=-12,30,5 where the first number is negative."""
    systems: Essential[tuple[str, ...]] = ()
    """Names of two systems to take apart in one mask whose trees touch, such as portal hepatic, in the order of the
    roots; without roots the first one is the one with the thicker trunk."""
    keep_cycles: Essential[bool] = False
    """Leave cycles as they are, as in the circle of Willis; otherwise each is cut where calibre and angles fit least.
    They are listed in either case."""
    join_within_mm: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """A loose piece is hung on the nearest vessel of a larger one where the gap is no wider than this; 0: each piece is
    a tree of its own."""
    territory_depth: int = Field(default=1, ge=0)
    """Territories are those of the vessels whose Strahler order is so much lower than the highest one of their tree,
    with all they feed; twigs of lower orders on thicker vessels have none."""
    coordinates: Space = "lps"
    """Patient coordinates of roots, tables and files: `lps` as DICOM, ITK and files of 3D Slicer, or `ras`, as its
    window shows them."""
    scales: ScaleSettings = Field(default_factory=ScaleSettings)
    """What counts as a branch, how its radius is measured, and which radii part the scales."""

    @field_validator("root")
    @classmethod
    def _are_places(cls, root: tuple[str, ...]) -> tuple[str, ...]:
        for one in root:
            try:
                numbers = [float(part) for part in one.split(",")]
            except ValueError:
                numbers = []
            if len(numbers) not in (2, 3) or not all(abs(number) < float("inf") for number in numbers):
                raise ValueError(f"expected places as x,y,z in mm, got {one!r}; such as 12.5,-30,104")
        return root

    @field_validator("systems")
    @classmethod
    def _are_two(cls, systems: tuple[str, ...]) -> tuple[str, ...]:
        if len(systems) not in (0, 2) or len({*systems}) != len(systems):
            raise ValueError(f"expected two names, got {' '.join(systems)!r}; such as portal hepatic")
        for name in systems:
            if not name.strip() or {"/", "\\"} & {*name}:
                raise ValueError(f"{name!r} can be no part of a file's name, as territories_NAME.nii.gz; rename it")
        return systems

    @model_validator(mode="after")
    def _roots_fit(self) -> Self:
        if self.systems and len(self.root) not in (0, 2):
            raise ValueError(f"root: two systems have two roots, got {len(self.root)}; give both or none")
        return self

    def roots_mm(self) -> list[tuple[float, ...]]:
        """The roots as numbers, x, y, z."""
        return [tuple(float(part) for part in one.split(",")) for one in self.root]


DEFAULT_ANALYSIS = AnalysisSettings()


class AnalysisFiles(BaseModel, frozen=True, extra="forbid"):
    """Which masks are analysed, and where the results go."""

    input: Path
    """Vessel mask: a file, a folder with one mask a case, or a pattern such as 'masks/*_vessel.nii.gz'."""
    output: Path
    """Folder for summary.csv, and a folder of each case; made if missing."""
    organ: Essential[Path | None] = None
    """Organ mask: a file, or a folder with one mask a case; {case} stands for the case's name in a path."""
    input_suffix: str = ""
    """Take only masks of a folder or pattern whose name ends so, e.g. _portal for CASE_portal.nii.gz; no part of the
    case's name. Without one, _vessel and _mask are left off, and CASE_liver and CASE_organ are none."""
    organ_suffix: str = ""
    """As input_suffix, for a folder of organ masks; without one, _liver and _organ are left off."""
    input_labels: Essential[tuple[str, ...]] = ()
    """Which labels of a label map are vessels, by number or name, taken together as one mask; or which segments of a
    .seg.nrrd, by name."""
    organ_labels: tuple[str, ...] = ()
    """As input_labels, for the organ."""
    classes: Essential[tuple[str, ...]] = ()
    """For label maps: classes to analyse each by itself, such as portal=1 hepatic=2; each gets a folder of its own in
    the case's."""
    cases: tuple[str, ...] = ()
    """Analyse these cases only."""
    forms: tuple[AnalysisForm, ...] = EVERY_FORM
    """Which files beside the tables: label maps (maps), centrelines and graph (vtp, swc, graphml, json), surfaces
    (stl, glb)."""
    resample_masks: Essential[bool] = False
    """Bring organ masks that lie on another grid onto the vessels', in physical space, instead of refusing them."""
    spacing_mm: tuple[PositiveFloat, ...] = ()
    """Voxel size in mm (z y x, or y x) in place of the files' own; TIFF and PNG carry none and count as 1."""
    report: Essential[Path | None] = None
    """Write a page to read here: each tree in 3D, coloured by radius, order, generation, scale or tree, its diagram,
    charts and tables; one HTML file that opens offline."""
    title: str = ""
    """What the page is called, in its head and in the browser's tab; by itself the folder of the masks, or the mask,
    and the folder around it."""
    shown: TreePageSettings = TreePageSettings()
    """How much of it."""
    groups: Essential[Path | None] = None
    """CSV with the columns case and group: groups.csv then has every measure of the summary by group, and of two groups
    group_differences.csv their difference with an interval and a test; the page has both."""
    replace: Essential[bool] = False
    """Replace files in the way that Ramify did not write, or that were changed since; each is kept as
    NAME.backup-1 (-2, ...)."""

    @model_validator(mode="after")
    def _options_agree(self) -> Self:
        if self.organ_labels and self.organ is None:
            raise ValueError("--organ-labels: there is no --organ with labels; give both or neither")
        if self.classes and self.input_labels:
            raise ValueError(
                "--classes and --input-labels: each label by itself, or several as one mask; give one of them"
            )
        if self.title and self.report is None:
            raise ValueError("--title: is of a page, and none is asked for; give --report trees.html")
        return self


class AnalyseCommand(CrewSettings, CaseChoice, AnalysisSettings, AnalysisFiles, frozen=True, extra="forbid"):
    """Which masks are analysed, how, and where the results go."""

    @model_validator(mode="after")
    def _classes_are_trees(self) -> Self:
        if self.classes and (self.systems or self.root):
            flag = "--systems" if self.systems else "--root"
            raise ValueError(f"--classes and {flag}: classes are trees apart already; give one of them")
        return self

    def analysis(self) -> AnalysisSettings:
        """How trees are described; without the files."""
        return AnalysisSettings(**{name: getattr(self, name) for name in AnalysisSettings.model_fields})

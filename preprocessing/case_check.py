"""What the files of each case hold, read whole before any case is prepared: a row of a table, and every fault."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ramify.console.alike import naming_case
from ramify.console.error_line import line_of
from ramify.data.class_maps import Fault
from ramify.data.labelled_file import NO_LABEL
from ramify.data.raw_case import RawCase
from ramify.planning.fingerprint import CaseFingerprint
from ramify.preprocessing.case_fingerprint import fingerprint_of
from ramify.preprocessing.case_reader import CaseReader
from ramify.preprocessing.prepare import checked_organ, doubts_about, plan_image
from ramify.preprocessing.settings import PreprocessingSettings
from ramify.processes.crew import Crew

_HEADINGS = ("case", "size", "spacing (mm)", "values", "voxels")


@dataclass(frozen=True)
class CaseCheck:
    """What a case holds.

    size, spacing_mm: of its image, in the order of its axes. values: least and greatest of each channel. voxels: of its
    organ, its vessels and its named structures. has_vessels: None where that is not known. classes: those of its
    labels by name, with whether a voxel is drawn; none where vessels are all there is. organ_hint: as of a raw case.
    doubts: what asks for a look. fingerprint: its part of the data set's.
    faults: what does not fit in its labels or channels. error: why it cannot be read; there is nothing else then.
    """

    case_id: str
    size: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    values: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    voxels: Mapping[str, int] = field(default_factory=dict)
    has_vessels: bool | None = None
    classes: Mapping[str, bool] = field(default_factory=dict)
    organ_hint: str = ""
    doubts: tuple[str, ...] = ()
    fingerprint: CaseFingerprint | None = None
    faults: tuple[Fault, ...] = ()
    error: str | None = None

    @property
    def is_faulty(self) -> bool:
        """Whether it cannot be prepared as it is."""
        return self.error is not None or bool(self.faults)


@dataclass(frozen=True)
class CheckWork:
    """Everything a worker needs to look at a case.

    describe: whether what it holds is looked up, too, and not only what is wrong with it. fingerprint: whether its
        fingerprint is taken, too.
    """

    settings: PreprocessingSettings
    describe: bool = True
    fingerprint: bool = True

    def do(self, reader: CaseReader, case_id: str) -> CaseCheck:
        """Read a case whole; what is wrong with it becomes the check's fault or error."""
        try:
            reader.adapter.sources(case_id)
            if faults := tuple(reader.adapter.faults(case_id)):
                return CaseCheck(case_id, faults=faults)
            raw = reader.read(case_id)
            to_prepare = checked_organ(raw, self.settings)
            plan_image(to_prepare.images, to_prepare.organ, self.settings, f"case {case_id}")
            check = _described(raw, to_prepare, self.settings) if self.describe else CaseCheck(case_id)
            # What a label map has in place of its vessels, if it says so.
            check = replace(check, has_vessels=bool(raw.vessels.array.any()), doubts=check.doubts or raw.vessels.notes)
            check = replace(check, organ_hint=raw.organ_hint)
            return replace(check, fingerprint=fingerprint_of(to_prepare, self.settings)) if self.fingerprint else check
        except (ValueError, OSError) as error:
            return CaseCheck(case_id, error=naming_case(case_id, line_of(error)))
        except MemoryError:
            return CaseCheck(case_id, error=f"case {case_id}: out of memory; use fewer --workers")


def check_cases(crew: Crew[CaseReader], work: CheckWork, case_ids: Sequence[str]) -> Iterator[CaseCheck]:
    """Look at the cases, as they are done; in order with one worker."""
    yield from crew.reports(work.do, case_ids, _lost)


def _lost(case_id: str, how: str) -> CaseCheck:
    return CaseCheck(case_id, error=f"case {case_id}: {how}")


def _described(raw: RawCase, to_prepare: RawCase, settings: PreprocessingSettings) -> CaseCheck:
    """What a case holds as it was read; to_prepare: the same with its organ's main parts."""
    ranges = {name: (float(its.array.min()), float(its.array.max())) for name, its in raw.images.items()}
    voxels = {name: int(np.count_nonzero(mask.array)) for name, mask in raw.masks().items()}
    doubts = tuple(doubts_about(to_prepare, settings))
    classes = {name: voxels.get(name, 0) > 0 for name in raw.table.names} if raw.classes is not None else {}
    return CaseCheck(raw.case_id, raw.image.shape, raw.image.spacing_mm, ranges, voxels, classes=classes, doubts=doubts)


def nothing_drawn(checks: Sequence[CaseCheck]) -> str:
    """What is wrong with several cases of which none has a vessel, in a line; empty where one has.

    Examples:
        >>> from ramify.preprocessing.case_check import CaseCheck, nothing_drawn
        >>> healthy, drawn = CaseCheck("a", has_vessels=False), CaseCheck("b", has_vessels=True)
        >>> nothing_drawn([healthy, drawn]), nothing_drawn([healthy])
        ('', '')
        >>> nothing_drawn([healthy, healthy])
        'no case has a vessel (a); are these the masks, and the labels of the vessels?'
    """
    known = [check for check in checks if check.has_vessels is not None]
    if len(known) < 2 or any(check.has_vessels for check in known):
        return ""
    told = next((doubt for check in known for doubt in check.doubts if NO_LABEL in doubt), known[0].case_id)
    return (
        f"no case has a vessel ({told.removeprefix('vessels: ')}); are these the masks, and the labels of the vessels?"
    )


def organ_offered(checks: Sequence[CaseCheck]) -> str:
    """What to say of whole cases whose labels seem to hold an organ that nobody asked for; empty where none does.

    Examples:
        >>> from ramify.preprocessing.case_check import CaseCheck, organ_offered
        >>> organ_offered([CaseCheck("a", organ_hint="labels have liver: --nnunet.organ-labels liver")])
        'no organ was asked for, so that whole images are prepared; labels have liver: --nnunet.organ-labels liver'
    """
    hint = next((check.organ_hint for check in checks if check.organ_hint), "")
    return hint and f"no organ was asked for, so that whole images are prepared; {hint}"


def without_a_voxel(checks: Sequence[CaseCheck]) -> list[str]:
    """A line for each class that none of several cases has; a single patient may well be without one.

    Examples:
        >>> from ramify.preprocessing.case_check import CaseCheck, without_a_voxel
        >>> one, other = (CaseCheck(name, classes={"portal": True, "artery": False}) for name in "ab")
        >>> without_a_voxel([one, other]), without_a_voxel([one])
        (['class artery: no case has a voxel of it; are its values right?'], [])
    """
    known = [check.classes for check in checks if check.classes]
    if len(known) < 2:
        return []
    nowhere = (name for name in known[0] if not any(its[name] for its in known))
    return [f"class {name}: no case has a voxel of it; are its values right?" for name in nowhere]


def table_of(checks: Sequence[CaseCheck]) -> list[str]:
    """A row a case, of those that could be read, and a last one for what is wrong with the others.

    Examples:
        >>> from ramify.preprocessing.case_check import CaseCheck, table_of
        >>> whole = CaseCheck("a", (8, 9), (1.0, 0.5), {"CT": (-20.0, 300.0)}, {"vessels": 1234})
        >>> for line in table_of([whole, CaseCheck("b 2", error="labels/b 2.nii.gz: cut off")]):
        ...     print(line)
        case  size    spacing (mm)  values      voxels
        a     8 x 9   1 x 0.5       -20 to 300  vessels 1,234
        b 2   faulty
    """
    rows = [_HEADINGS, *(_row(check) for check in checks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(check: CaseCheck) -> tuple[str, ...]:
    if check.is_faulty:
        return (check.case_id, "faulty", "", "", "")
    one = len(check.values) == 1
    return (
        check.case_id,
        " x ".join(map(str, check.size)),
        " x ".join(f"{side:.4g}" for side in check.spacing_mm),
        ", ".join(f"{'' if one else f'{name} '}{low:.4g} to {high:.4g}" for name, (low, high) in check.values.items()),
        ", ".join(f"{name} {count:,}" for name, count in check.voxels.items()),
    )

"""One DICOM series in a folder as a volume, in the order of its slices' positions, and only if it is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ramify.data.archives import archive_name
from ramify.data.dicom_choice import choose_series, series_in
from ramify.data.file_names import volume_suffix
from ramify.data.formats.dicom_slice import Slice, read_slice
from ramify.data.formats.placement import ALLOWED_MOVE, NOTED_MOVE
from ramify.data.itk import plainly_named, quiet_itk
from ramify.data.volume import Volume, checked_spacing
from ramify.disk.system_files import is_left_by_system

STEP_TOLERANCE = 0.1
"""A step between slices may differ from the usual one by this share: positions are often rounded to 0.1 mm."""

_PREAMBLE = 128
_SHOWN = 12


def read_series(
    folder: Path | str, mask: bool = False, spacing_mm: Sequence[float] | None = None, series: str | None = None
) -> Volume:
    """Read the one DICOM series in `folder` (subfolders are not entered; files need no extension).

    Slices are ordered by their position along the normal of the slices, whatever the files are called. Orientation and
    pixel spacing are the series' middle ones; a slice may differ from them as far as no pixel moves by more than half
    the finer pixel side (orientation) or a tenth of it (spacing).

    Args:
        mask: whether a mask or label map is wanted, whose values nothing may invert.
        spacing_mm: (z, y, x) to use in place of the series'.
        series: which one of a folder with several: its number or its description; what else lies there is not read.
            Empty for none, where errors may say that --series chooses.

    Raises FileNotFoundError, or ValueError that names the file: not DICOM, no position, two series, another size or
    orientation than its neighbours, a missing or double slice, uneven steps, slices sheared against each other, a
    rescaling that some of them lack, a mask whose values are inverted.

    Examples:
        >>> from ramify.data import read_series
        >>> volume = read_series(series)  # a folder of three DICOM slices
        >>> volume.shape, volume.spacing_mm
        ((3, 4, 5), (2.0, 0.5, 0.75))
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of DICOM slices, got a file")
    paths = _files(folder)
    others = [path for path in paths if _other_form(path)]
    if len(others) == len(paths):
        held = f" but {others[0].name}" if others else ""
        has = described_series(folder) or "give the folder with the files of one series"
        raise ValueError(f"{folder}: holds no DICOM slices{held}; {has}")
    if others and not series:
        raise ValueError(f"{others[0]}: {_other_form(others[0])} among DICOM slices; move it out of their folder")
    if series:
        paths = list(choose_series(series_in(paths), series, folder).paths)
    with quiet_itk():
        slices = [_read_slice(path) for path in paths]
    if len({one.series for one in slices}) > 1:
        choose_series(series_in(paths), series, folder)
    _check_alike(slices)
    notes = _check_values(slices, mask)
    spacing, orientation, moved = _common_grid(slices)
    normal = np.cross(*orientation)
    slices.sort(key=lambda one: float(one.position_mm @ normal))
    step_mm = _slice_step_mm(slices, normal, min(spacing))
    row, column = orientation
    direction = np.stack([normal, column, row], axis=1)[::-1] + 0.0  # world components z, y, x; array axes z, y, x
    array = np.empty((len(slices), *slices[0].array.shape), np.result_type(*(one.array.dtype for one in slices)))
    for index, one in enumerate(slices):
        array[index] = one.array
    origin = tuple(slices[0].position_mm[::-1].tolist())
    try:
        sides = (step_mm, *spacing) if spacing_mm is None else checked_spacing(spacing_mm, 3, "spacing_mm")
        return Volume(array, sides, origin, tuple(map(tuple, direction.tolist())), (*notes, *moved))
    except ValueError as error:
        raise ValueError(f"{slices[0].path}: {error}") from None


def holds_series(folder: Path) -> bool:
    """Whether a folder's first file, archives and volume files aside, says that it is a DICOM slice."""
    first = next((path for path in _files(folder) if not _other_form(path)), None)
    return first is not None and is_slice(first)


def is_slice(path: Path) -> bool:
    """Whether a file says that it is a DICOM slice."""
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"


def described_series(folder: Path) -> str:
    """What to say of a folder whose sub-folders each hold a series, such as MASKS_DICOM; empty for any other folder."""
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and not is_left_by_system(path))
    names = [path.name for path in inside if holds_series(path)]
    if not names:
        return ""
    listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"it has the DICOM folders {listed}; give the one that is meant"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not is_left_by_system(path))


def _other_form(path: Path) -> str:
    """What a file is by its name that is no DICOM slice; empty for all that may be one."""
    if archive_name(path) is not None:
        return "an archive"
    return "" if volume_suffix(path) is None else "a volume file"


def _read_slice(path: Path) -> Slice:
    with plainly_named(path) as plain:
        return read_slice(path, plain)


def _check_alike(slices: Sequence[Slice]) -> None:
    """Raise ValueError naming the first file that does not belong with most of the others."""

    def check(what: str, value: Callable[[Slice], str]) -> None:
        values = Counter(value(one) for one in slices)
        usual = values.most_common(1)[0][0]
        for one in slices:
            if (its := value(one)) != usual:
                several = f" ({len(values)} {what} in the folder)" if len(values) > 2 else ""
                raise ValueError(
                    f"{one.path}: {what} {its} among slices of {what} {usual}{several}; keep one series in the folder"
                )

    check("size", lambda one: " x ".join(map(str, one.array.shape)))
    check("photometric interpretation", lambda one: one.photometric)


def _check_values(slices: Sequence[Slice], mask: bool) -> list[str]:
    """Notes on how stored numbers became values; raises ValueError that names a slice where that is hardly right."""
    for name, of in (("slope (0028,1053)", "slope"), ("intercept (0028,1052)", "intercept")):
        lacking = [one for one in slices if not getattr(one, of)]
        if 0 < len(lacking) < len(slices):
            raise ValueError(
                f"{lacking[0].path}: has no rescale {name}, unlike {len(slices) - len(lacking)} other slices, so its "
                "values are on another scale; export the series again"
            )
    first, rescalings = slices[0], {(one.slope, one.intercept) for one in slices}
    notes = []
    if first.photometric == "MONOCHROME1":
        if mask:
            raise ValueError(
                f"{first.path}: photometric interpretation MONOCHROME1 (low is bright), so it cannot be told whether 0 "
                "is inside or outside; export the mask as MONOCHROME2"
            )
        notes.append("photometric interpretation MONOCHROME1 (low is bright): values inverted")
    if len({slope for slope, _ in rescalings}) > 1:
        notes.append("rescale slope differs between slices: each is scaled by its own")
    elif len(rescalings) > 1:
        notes.append("rescale intercept differs between slices: each is shifted by its own")
    return notes


def _common_grid(slices: Sequence[Slice]) -> tuple[tuple[float, float], NDArray[np.float64], tuple[str, ...]]:
    """Pixel spacing (y, x) and orientation (2, 3) of a series, at right angles, and notes on what was assumed.

    Raises ValueError that names the slice which lies farthest from them, where that is too far.
    """
    spacing = np.median([one.pixel_spacing_mm for one in slices], axis=0)
    middle = np.median([one.orientation for one in slices], axis=0)
    left, _, right = np.linalg.svd(middle, full_matrices=False)
    orientation = left @ right
    finest = float(spacing.min())
    extent = np.array(slices[0].array.shape) - 1  # y, x
    corner = extent * spacing
    moved = 0.0
    for one in slices:
        longer = float(np.abs((np.array(one.pixel_spacing_mm) - spacing) * extent).max())
        if longer > STEP_TOLERANCE * finest:
            raise ValueError(
                f"{one.path}: pixel spacing {_sides(one.pixel_spacing_mm)} among slices of pixel spacing "
                f"{_sides(spacing)}, {longer:.3g} mm apart at the corner; keep one series in the folder"
            )
        # columns grow along the row vector, rows down the column vector
        turned = one.orientation / np.linalg.norm(one.orientation, axis=1, keepdims=True) - orientation
        aside = float(np.linalg.norm(np.abs(turned[0]) * corner[1] + np.abs(turned[1]) * corner[0]))
        if aside > ALLOWED_MOVE * finest:
            raise ValueError(
                f"{one.path}: orientation {_sides(one.orientation.ravel())} among slices of orientation "
                f"{_sides(orientation.ravel())}, {aside:.3g} mm apart at the corner; keep one series in the folder"
            )
        moved = max(moved, aside)
    notes = [f"orientations of the slices differ by up to {moved:.3g} mm"] * (moved > NOTED_MOVE * finest)
    return (float(spacing[0]), float(spacing[1])), orientation, tuple(notes)


def _sides(values: Sequence[float] | NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"


def _slice_step_mm(slices: Sequence[Slice], normal: NDArray[np.float64], pixel_mm: float) -> float:
    """Distance between neighbouring slices, ordered along `normal`; raises ValueError unless the steps are even."""
    folder = slices[0].path.parent
    if len(slices) == 1:
        if not slices[0].thickness_mm:
            raise ValueError(f"{slices[0].path}: one slice without a thickness (0018,0050); give the whole series")
        return slices[0].thickness_mm
    offsets = np.stack([one.position_mm for one in slices]) - slices[0].position_mm
    along = offsets @ normal
    steps = np.diff(along)
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])  # a step that occurs, the smaller one of two
    for before, after, step in zip(slices[:-1], slices[1:], steps, strict=True):
        place = f"{after.path}: {step:.4g} mm after {before.path.name}, where {usual:.4g} mm is usual"
        if step <= STEP_TOLERANCE * usual or step <= 0:
            raise ValueError(f"{place}: two slices in one place; keep one series in {folder}")
        missing = round(step / usual) - 1
        if missing >= 1 and abs(step - (missing + 1) * usual) <= STEP_TOLERANCE * usual * (missing + 1):
            raise ValueError(f"{place}: {missing} missing slice{'s' * (missing > 1)} in between; complete {folder}")
        if abs(step - usual) > STEP_TOLERANCE * usual:
            raise ValueError(f"{place}: uneven spacing; resample the series to even slices first")
    aside = np.linalg.norm(offsets - along[:, None] * normal, axis=1)
    if aside.max() > STEP_TOLERANCE * usual + pixel_mm:
        worst = slices[int(aside.argmax())].path
        raise ValueError(
            f"{worst}: shifted {aside.max():.4g} mm sideways against the first slice (gantry tilt?); "
            "resample the series to a right-angled grid first"
        )
    return float(along[-1] / (len(slices) - 1))

"""One DICOM series in a folder as a volume, in the order of its slices' positions, and only if it is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from data.file_names import is_left_by_system
from data.itk import itk_reason, quiet_itk
from data.volume import Volume

_SERIES, _POSITION, _ORIENTATION = "0020|000e", "0020|0032", "0020|0037"
_THICKNESS, _SPACING_BETWEEN, _PIXEL_SPACING = "0018|0050", "0018|0088", "0028|0030"
STEP_TOLERANCE = 0.1
"""A step between slices may differ from the usual one by this share: positions are often rounded to 0.1 mm."""


@dataclass(frozen=True, eq=False)
class _Slice:
    path: Path
    series: str
    array: NDArray  # (y, x), rescaled to the stored unit (CT: HU)
    pixel_spacing_mm: tuple[float, float]  # y, x
    position_mm: NDArray[np.float64]  # x, y, z
    orientation: NDArray[np.float64]  # (2, 3): unit vectors along a row (growing column index) and down a column
    thickness_mm: float | None


def read_series(folder: Path) -> Volume:
    """Read the one DICOM series in `folder` (subfolders are not entered; files need no extension).

    Slices are ordered by their position along the normal of the slices, whatever the files are called.

    Raises FileNotFoundError, or ValueError that names the file: not DICOM, no position, two series, another size or
    orientation than its neighbours, a missing or double slice, uneven steps, slices sheared against each other.
    """
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of DICOM slices, got a file")
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not is_left_by_system(path))
    if not paths:
        raise ValueError(f"{folder}: holds no DICOM slices; give the folder with the files of one series")
    with quiet_itk():
        slices = [_read_slice(path) for path in paths]
    _check_alike(slices)
    normal = np.cross(*slices[0].orientation)
    slices.sort(key=lambda one: float(one.position_mm @ normal))
    step_mm = _slice_step_mm(slices, normal)
    row, column = slices[0].orientation
    direction = np.stack([normal, column, row], axis=1)[::-1]  # world components z, y, x; array axes z, y, x
    array = np.stack([one.array for one in slices])
    origin = tuple(slices[0].position_mm[::-1].tolist())
    try:
        return Volume(array, (step_mm, *slices[0].pixel_spacing_mm), origin, tuple(map(tuple, direction.tolist())))
    except ValueError as error:
        raise ValueError(f"{slices[0].path}: {error}") from None


def _read_slice(path: Path) -> _Slice:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise ValueError(f"{path}: not a whole DICOM slice ({itk_reason(error)}); remove it or get it again") from None
    array = sitk.GetArrayFromImage(image)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise ValueError(f"{path}: expected one grey slice, got an array of shape {array.shape}; split it into slices")
    position = _numbers(reader, path, _POSITION, 3, "position (0020,0032)")
    orientation = _numbers(reader, path, _ORIENTATION, 6, "orientation (0020,0037)").reshape(2, 3)
    pixel_spacing = _numbers(reader, path, _PIXEL_SPACING, 2, "pixel spacing (0028,0030)")
    if (pixel_spacing <= 0).any():
        raise ValueError(f"{path}: spacing must be > 0 mm, its pixel spacing is {pixel_spacing.tolist()}")
    return _Slice(
        path=path,
        series=reader.GetMetaData(_SERIES).strip("\0 ") if reader.HasMetaDataKey(_SERIES) else "",
        array=array,
        pixel_spacing_mm=(float(pixel_spacing[0]), float(pixel_spacing[1])),
        position_mm=position,
        orientation=orientation,
        thickness_mm=_thickness_mm(reader),
    )


def _numbers(reader: sitk.ImageFileReader, path: Path, key: str, count: int, name: str) -> NDArray[np.float64]:
    text = reader.GetMetaData(key).strip("\0 ") if reader.HasMetaDataKey(key) else ""
    try:
        numbers = np.array([float(number) for number in text.split("\\")])
    except ValueError:
        numbers = np.empty(0)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(
            f"{path}: expected a {name} of {count} numbers, got {text or 'none'!r}; export the series again"
        )
    return numbers


def _thickness_mm(reader: sitk.ImageFileReader) -> float | None:
    for key in _THICKNESS, _SPACING_BETWEEN:
        if reader.HasMetaDataKey(key):
            try:
                return float(reader.GetMetaData(key))
            except ValueError:
                continue
    return None


def _check_alike(slices: Sequence[_Slice]) -> None:
    """Raise ValueError naming the first file that does not belong with most of the others."""

    def check(what: str, value: Callable[[_Slice], object]) -> None:
        values = [value(one) for one in slices]
        usual = max(values, key=values.count)
        for one, its in zip(slices, values, strict=True):
            if its != usual:
                raise ValueError(
                    f"{one.path}: {what} {its} among slices of {what} {usual}; keep one series in the folder"
                )

    check("series", lambda one: one.series)
    check("size", lambda one: " x ".join(map(str, one.array.shape)))
    check("pixel spacing", lambda one: tuple(round(side, 4) for side in one.pixel_spacing_mm))
    check("orientation", lambda one: tuple((one.orientation.round(3) + 0.0).ravel().tolist()))


def _slice_step_mm(slices: Sequence[_Slice], normal: NDArray[np.float64]) -> float:
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
    if aside.max() > STEP_TOLERANCE * usual + min(slices[0].pixel_spacing_mm):
        worst = slices[int(aside.argmax())].path
        raise ValueError(
            f"{worst}: shifted {aside.max():.4g} mm sideways against the first slice (gantry tilt?); "
            "resample the series to a right-angled grid first"
        )
    return float(along[-1] / (len(slices) - 1))

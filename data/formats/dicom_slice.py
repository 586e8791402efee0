"""One DICOM slice in a file: its numbers, its place, and what else a series must know of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ramify.data.itk import itk_reason, plain_name

_SERIES, _POSITION, _ORIENTATION = "0020|000e", "0020|0032", "0020|0037"
_THICKNESS, _SPACING_BETWEEN, _PIXEL_SPACING = "0018|0050", "0018|0088", "0028|0030"
_FRAMES, _SAMPLES, _PHOTOMETRIC = "0028|0008", "0028|0002", "0028|0004"
_SLOPE, _INTERCEPT = "0028|1053", "0028|1052"
_UNIT_TOLERANCE = 0.02
_LONGEST_TEXT = 80


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice. array: (y, x), rescaled to the stored unit (CT: HU). pixel_spacing_mm: y, x. position_mm: x, y, z.
    orientation: (2, 3), unit vectors along a row (growing column index) and down a column; as rounded in the file.
    slope, intercept: by which it was rescaled, as the file has them; empty where it has none.
    """

    path: Path
    series: str
    array: NDArray[Any]
    pixel_spacing_mm: tuple[float, float]
    position_mm: NDArray[np.float64]
    orientation: NDArray[np.float64]
    thickness_mm: float | None
    photometric: str
    slope: str
    intercept: str


def read_slice(path: Path, plain: Path) -> Slice:
    """Read the slice at `path`, which ITK opens under the name `plain`; raises ValueError that names `path`."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(plain))
    try:
        # That reads what stands about the slice, too: to read it before would read the header twice.
        image = reader.Execute()
    except RuntimeError as error:
        raise ValueError(f"{path}: not a whole DICOM slice ({itk_reason(error)}); remove it or get it again") from None
    _check_one_grey_slice(reader, path)
    array = sitk.GetArrayFromImage(image)
    array = array[0] if array.ndim == 3 and array.shape[0] == 1 else array
    if array.ndim != 2:
        raise ValueError(f"{path}: expected one grey slice, got an array of shape {array.shape}; split it into slices")
    orientation = _numbers(reader, path, _ORIENTATION, 6, "orientation (0020,0037)").reshape(2, 3)
    if (np.abs(np.linalg.norm(orientation, axis=1) - 1) > _UNIT_TOLERANCE).any():
        raise ValueError(f"{path}: its orientation (0020,0037) is no pair of unit vectors; export the series again")
    pixel_spacing = _numbers(reader, path, _PIXEL_SPACING, 2, "pixel spacing (0028,0030)")
    if (pixel_spacing <= 0).any():
        raise ValueError(f"{path}: spacing must be > 0 mm, its pixel spacing is {pixel_spacing.tolist()}")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise ValueError(f"{path}: NaN or infinite values after rescaling (0028,1053); export the series again")
        array = array.astype(np.float32)
    return Slice(
        path=path,
        series=text_of(reader, _SERIES),
        array=array,
        pixel_spacing_mm=(float(pixel_spacing[0]), float(pixel_spacing[1])),
        position_mm=_numbers(reader, path, _POSITION, 3, "position (0020,0032)"),
        orientation=orientation,
        thickness_mm=_thickness_mm(reader),
        photometric=text_of(reader, _PHOTOMETRIC),
        slope=text_of(reader, _SLOPE),
        intercept=text_of(reader, _INTERCEPT),
    )


def _check_one_grey_slice(reader: sitk.ImageFileReader, path: Path) -> None:
    frames, samples = text_of(reader, _FRAMES), text_of(reader, _SAMPLES)
    if frames.isdigit() and int(frames) > 1:
        raise ValueError(f"{path}: a multi-frame file of {frames} slices; export it with a file a slice, or as NIfTI")
    if (samples.isdigit() and int(samples) > 1) or text_of(reader, _PHOTOMETRIC).startswith("PALETTE"):
        raise ValueError(f"{path}: a picture in colour where a grey slice is expected; remove it")


def text_of(reader: sitk.ImageFileReader, key: str) -> str:
    """What a file says under a key, printable; empty where it does not say."""
    text = reader.GetMetaData(key).strip("\0 ") if reader.HasMetaDataKey(key) else ""
    return plain_name("".join(sign if sign.isprintable() else "?" for sign in text))


def _numbers(reader: sitk.ImageFileReader, path: Path, key: str, count: int, name: str) -> NDArray[np.float64]:
    text = text_of(reader, key)
    try:
        numbers = np.array([float(number) for number in text.split("\\")])
    except ValueError:
        numbers = np.empty(0)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        got = repr(text[:_LONGEST_TEXT] or "none")
        raise ValueError(f"{path}: expected a {name} of {count} numbers, got {got}; export the series again")
    return numbers


def _thickness_mm(reader: sitk.ImageFileReader) -> float | None:
    for key in _THICKNESS, _SPACING_BETWEEN:
        try:
            thickness = float(text_of(reader, key))
        except ValueError:
            continue
        if 0 < thickness < float("inf"):
            return thickness
    return None

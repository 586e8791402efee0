"""DICOM series written slice by slice, for tests that read them."""

import locale
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk


@contextmanager
def locale_kept() -> Iterator[None]:
    """GDCM's writer sets the whole process to the C locale, which would make the text of later tests ASCII."""
    kept = locale.setlocale(locale.LC_CTYPE)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_CTYPE, kept)


@locale_kept()
def write_series(
    folder: Path,
    array: np.ndarray,
    spacing_mm: Sequence[float] = (2.0, 0.5, 0.75),
    origin_mm: Sequence[float] = (10.0, -20.0, 30.0),
    series: str = "1.2.3",
    names: Sequence[str] | None = None,
    positions_mm: Sequence[Sequence[float]] | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[Path]:
    """Axial slices of `array` (z, y, x), without an extension; positions_mm are (x, y, z) a slice.

    tags: in place of the usual ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, plane in enumerate(array):
        position = positions_mm[index] if positions_mm else (*origin_mm[:0:-1], origin_mm[0] + index * spacing_mm[0])
        image = sitk.GetImageFromArray(plane)
        image.SetSpacing(tuple(spacing_mm[:0:-1]))
        for key, value in {
            "0008|0060": "CT",
            "0020|000e": series,
            "0020|000d": "1.2",
            "0020|0013": str(index),
            "0020|0032": "\\".join(f"{number:.6g}" for number in position),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0018|0050": str(spacing_mm[0]),
            **(tags or {}),
        }.items():
            image.SetMetaData(key, value)
        path = folder / (names[index] if names else f"image_{index}")
        writer = sitk.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(path))
        writer.Execute(image)
        paths.append(path)
    return paths

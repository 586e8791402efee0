"""Which of several DICOM series in a folder is meant: listed by number and description, and chosen by either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from ramify.data.formats.dicom_slice import text_of
from ramify.data.itk import plainly_named, quiet_itk

_SERIES, _NUMBER, _DESCRIPTION = "0020|000e", "0020|0011", "0008|103e"
_SHOWN = 12


@dataclass(frozen=True)
class Series:
    """A series in a folder. number, description: as its files have them, or empty. paths: its files."""

    uid: str
    number: str
    description: str
    paths: tuple[Path, ...]


def series_in(paths: Sequence[Path]) -> list[Series]:
    """The series that files are of, by their headers alone, in the order of their numbers; no file of another kind."""
    found: dict[str, list[tuple[Path, str, str]]] = {}
    with quiet_itk():
        for path in paths:
            reader = sitk.ImageFileReader()
            reader.SetImageIO("GDCMImageIO")
            try:
                with plainly_named(path) as plain:
                    reader.SetFileName(str(plain))
                    reader.ReadImageInformation()
            except RuntimeError:
                continue
            uid, number, description = (text_of(reader, key) for key in (_SERIES, _NUMBER, _DESCRIPTION))
            found.setdefault(uid, []).append((path, number, description))
    series = [
        Series(uid, files[0][1], files[0][2], tuple(path for path, _, _ in files)) for uid, files in found.items()
    ]
    return _numbered(sorted(series, key=lambda one: (int(one.number) if one.number.isdecimal() else 0, one.uid)))


def _numbered(series: list[Series]) -> list[Series]:
    """With a number each: the files' own, or where these do not tell them apart 1, 2, 3 in this order."""
    if len({one.number for one in series if one.number}) == len(series):
        return series
    return [Series(one.uid, str(place), one.description, one.paths) for place, one in enumerate(series, 1)]


def choose_series(series: Sequence[Series], wanted: str | None, folder: Path) -> Series:
    """The series of that number or description (in any case); one series alone is not chosen from, whatever it is.

    wanted: empty for none; None where the caller cannot choose, so that the error does not say how.

    Raises ValueError that names the folder and lists what is in it.
    """
    if len(series) == 1:
        return series[0]
    fits = [one for one in series if wanted and wanted.casefold() in (one.number, one.description.casefold())]
    if len(fits) == 1:
        return fits[0]
    listed = ", ".join(map(_told, series[:_SHOWN])) + (", ..." if len(series) > _SHOWN else "")
    what = f"{len(fits) or 'no'} series called {wanted!r}" if wanted else f"{len(series)} series"
    choice = "" if wanted is None else ", or take one with --series NUMBER or its description"
    raise ValueError(f"{folder}: {what}; keep one series in the folder{choice}: {listed or 'none'}")


def _told(one: Series) -> str:
    named = f" {one.description!r}" if one.description else ""
    slices = f"{len(one.paths)} slice{'s' * (len(one.paths) > 1)}"
    return f"{one.number}{named} ({slices} from {one.paths[0].name})"

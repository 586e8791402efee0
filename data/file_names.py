"""Names of files: which of a folder's files are somebody's volumes, and what their cases are called."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from ramify.disk.system_files import is_left_by_system

STACK_SUFFIXES = (".ome.tiff", ".ome.tif", ".tiff", ".tif")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".ppm", ".pgm", ".bmp")
NIFTI_SUFFIXES = (".nii.gz", ".nii")
NRRD_SUFFIXES = (".seg.nrrd", ".seg.nhdr", ".nrrd", ".nhdr")
METAIMAGE_SUFFIXES = (".mha", ".mhd")
VOLUME_SUFFIXES = (*NIFTI_SUFFIXES, *NRRD_SUFFIXES, *METAIMAGE_SUFFIXES, *STACK_SUFFIXES, *PICTURE_SUFFIXES)
"""Longer ones first: CASE.seg.nrrd is case CASE."""
HDF5_SUFFIXES = (".hdf5", ".hdf", ".h5")
NUMPY_SUFFIXES = (".npy", ".npz")
ARRAY_SUFFIXES = (*HDF5_SUFFIXES, *NUMPY_SUFFIXES)
"""Read where they are named; a folder's are left alone, as programs keep all sorts of numbers in them."""
_KEY = "::"
UNREAD_SUFFIXES = (
    *(".dcm", ".ima", ".img", ".img.gz", ".mgz", ".mgh", ".mnc", ".npy", ".npz", ".h5", ".mat", ".vtk", ".vti"),
    *(".jp2", ".webp", ".czi", ".lsm", ".nd2", ".svs", ".nrrd.gz", ".mha.gz", ".zip", ".tar", ".tar.gz", ".tar.xz"),
)


def volume_suffix(path: Path) -> str | None:
    """The suffix of a file we read (".nii.gz", ".seg.nrrd" as one), or None for any other file."""
    name = path.name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix) and len(name) > len(suffix)), None)


def array_suffix(path: Path) -> str | None:
    """The suffix of a file of arrays, or None for any other file; a key behind it is left off."""
    name = file_of(path).name.lower()
    return next((suffix for suffix in ARRAY_SUFFIXES if name.endswith(suffix) and len(name) > len(suffix)), None)


def split_key(path: Path) -> tuple[Path, str]:
    """A file, and which array of it is meant: sample.h5::volumes/raw -> sample.h5, volumes/raw; mostly none."""
    file, _, key = str(path).partition(_KEY)
    return Path(file), key.strip("/")


def file_of(path: Path) -> Path:
    """The file alone, without a key."""
    return split_key(path)[0]


def with_key(path: Path, key: str) -> Path:
    """An array of a file as it is written: sample.h5::volumes/raw."""
    return Path(f"{path}{_KEY}{key}") if key else path


def carries_no_millimetres(path: Path) -> bool:
    """A picture, TIFF or NumPy's array, by its name: its spacing is what somebody says."""
    without = (*STACK_SUFFIXES, *PICTURE_SUFFIXES, *NUMPY_SUFFIXES)
    return not path.is_dir() and (volume_suffix(path) or array_suffix(path)) in without


def case_name(path: Path) -> str:
    """The file's name without its volume suffix: liver_01.nii.gz -> liver_01; a folder's name as it is."""
    path = file_of(path)
    suffix = volume_suffix(path) or array_suffix(path)
    return one_spelling(path.name[: -len(suffix)] if suffix else path.name)


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """A sorting key that puts case 2 before case 10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


def one_spelling(name: str) -> str:
    """The name with each accented letter as one sign: some systems write it as two, which look the same."""
    return unicodedata.normalize("NFC", name)


def spellings(name: str) -> set[str]:
    """The same name in each way in which systems write accented letters."""
    return {name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))}


def unread_images(folder: Path) -> list[Path]:
    """Files in a folder that are somebody's images or masks by their name, in a form that is not read; sorted."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.lower().endswith(UNREAD_SUFFIXES)
        and volume_suffix(path) is None
        and not is_left_by_system(path)
        and path.is_file()
    )


def is_volume_file(path: Path) -> bool:
    """A file whose name says that it is a volume, mask or picture of a case; hidden files are none.

    A link to a file that is not there is one, too: reading it says so, and the case is not lost in silence.
    """
    there = path.is_file() or is_broken_link(path)
    return volume_suffix(path) is not None and not is_left_by_system(path) and there


def is_broken_link(path: Path) -> bool:
    """A link that leads nowhere, as in data sets whose contents are fetched one by one."""
    return path.is_symlink() and not path.exists()


def volume_files(folder: Path) -> list[Path]:
    """The volumes, masks and pictures in a folder (not in its sub-folders), sorted by name.

    Raises FileNotFoundError or NotADirectoryError, as the system words it.
    """
    return sorted(path for path in folder.iterdir() if is_volume_file(path))

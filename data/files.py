"""Volumes in and out of files: NIfTI, NRRD, MetaImage, TIFF and PNG, and DICOM folders through data/dicom.py."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from data.dicom import read_series
from data.file_integrity import check_metaimage, check_nifti
from data.file_names import NRRD_SUFFIXES, PICTURE_SUFFIXES, STACK_SUFFIXES, VOLUME_SUFFIXES, case_name, volume_suffix
from data.itk import image_to_volume, itk_reason, quiet_itk, volume_to_image
from data.nrrd import read_nrrd
from data.pictures import read_picture
from data.pixels import Wanted
from data.slicer import read_segment, segments
from data.tiff import read_tiff
from data.volume import Volume, checked_spacing

WRITTEN_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")  # one file each, with geometry
_PICTURE_SUFFIXES = (*STACK_SUFFIXES, *PICTURE_SUFFIXES)
_SHOWN_LABELS = 8


def read_volume(path: Path, spacing_mm: Sequence[float] | None = None, channel: str | None = None) -> Volume:
    """Read one volume with its geometry; the array keeps the type of the file.

    spacing_mm: (z, y, x) to use in place of the file's. TIFF and pictures carry no millimetres (their resolution tags
    are for printing), so theirs is 1 unless given.
    channel: red, green, blue, luminance or a number from 0: what to take of a picture in colour.

    Raises FileNotFoundError, or ValueError that names the file: unknown form, damaged, more than three dimensions,
    spacing not > 0, sheared, in colour without a channel.
    """
    if _form(path) in NRRD_SUFFIXES:
        return read_nrrd(path, spacing_mm)
    if _form(path) in _PICTURE_SUFFIXES:
        return _read_pixels(Wanted(path, channel), spacing_mm)
    image = _read_image(path)
    return image_to_volume(image, sitk.GetArrayFromImage(image), path, _spacing(path, image, spacing_mm))


def read_image_or_series(path: Path, channel: str | None = None) -> Volume:
    """Read a volume from a file, or from a folder that holds one DICOM series. Errors as in either reader."""
    return read_series(path) if path.is_dir() else read_volume(path, channel=channel)


def read_mask(path: Path, spacing_mm: Sequence[float] | None = None) -> Volume:
    """Read a mask as a boolean volume: 0 is outside, the one other value (1, 255, ...) inside; may be empty.

    Raises FileNotFoundError, or ValueError that names the file: as read_volume, and for NaN, probabilities, a label
    map with several labels or a segmentation of 3D Slicer with several segments (see data/slicer.py).
    """
    if _form(path) in NRRD_SUFFIXES and segments(path):
        return read_segment(path, spacing_mm=spacing_mm)
    volume = _read_whole_numbers(path, spacing_mm)
    return volume.with_array(as_mask(volume.array, str(path)))


def read_label_map(path: Path, spacing_mm: Sequence[float] | None = None) -> Volume:
    """Read a label map as int32; raises as read_volume, and ValueError for values that are not whole numbers."""
    volume = _read_whole_numbers(path, spacing_mm)
    array = volume.array
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
        raise ValueError(f"{path}: expected a label map of whole numbers, got fractions or NaN; threshold it first")
    return volume.with_array(array.astype(np.int32))


def as_mask(array: NDArray, name: str) -> NDArray[np.bool_]:
    """The array as a boolean mask, if it is one: all voxels 0 or one positive whole number. Raises ValueError."""
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: NaN or infinite values where a mask is expected; a mask holds 0 and 1 (or 255)")
    mask: NDArray[np.bool_] = array != 0
    inside = array[mask]
    if inside.size == 0:
        return mask
    lowest, highest = inside.min(), inside.max()
    if array.dtype.kind == "f" and (inside != np.round(inside)).any():
        raise ValueError(
            f"{name}: probabilities where a mask is expected (values from {array.min():.4g} to {array.max():.4g}); "
            "threshold it first"
        )
    if lowest != highest:
        raise ValueError(f"{name}: {_describe_labels(inside)} where a mask of one value is expected; {_PICK_LABELS}")
    if lowest < 0:
        raise ValueError(f"{name}: {lowest:g} where a mask is expected; a mask holds 0 and 1 (or 255)")
    return mask


_PICK_LABELS = (
    "for a label map, say which are vessels (vessel_labels of the data set), compare each (--classes of evaluate.py), "
    "or write each to a file of its own"
)


def _describe_labels(inside: NDArray) -> str:
    labels = np.unique(inside)
    shown = ", ".join(f"{label:g}" for label in labels[:_SHOWN_LABELS])
    return f"{len(labels)} different labels ({shown}{', ...' if len(labels) > _SHOWN_LABELS else ''})"


def write_volume(path: Path, volume: Volume) -> None:
    """Write a volume with its geometry, compressed; a mask becomes 8-bit. The file appears whole or not at all.

    Makes the folder where it is missing. Raises ValueError for a suffix that cannot hold geometry, OSError that names
    the file where it cannot be written.
    """
    suffix = volume_suffix(path)
    if suffix not in WRITTEN_SUFFIXES:
        raise ValueError(f"{path}: a volume is written as one of {', '.join(WRITTEN_SUFFIXES)}; choose one of these")
    temporary = path.with_name(f".{case_name(path)}.{os.getpid()}-{threading.get_ident()}{suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()  # ITK says "cannot write" for every cause; the system names it
        with quiet_itk():
            sitk.WriteImage(volume_to_image(volume), str(temporary), useCompression=True)
        _check_written(temporary)
        os.replace(temporary, path)
    except RuntimeError as error:
        raise OSError(f"{path}: cannot be written ({itk_reason(error)}); check the folder and the free space") from None
    except OSError as error:
        raise OSError(f"{path}: cannot be written ({error.strerror or error}); choose another output") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _check_written(path: Path) -> None:
    """Raise OSError unless the file is whole: the NIfTI library does not report a full disk."""
    if path.name.endswith((".nii", ".nii.gz")):
        try:
            check_nifti(path)
        except ValueError:
            raise OSError("the file came out incomplete: is the disk full?") from None
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _read_whole_numbers(path: Path, spacing_mm: Sequence[float] | None) -> Volume:
    """The file as a mask or label map, before its values are looked at."""
    if _form(path) in _PICTURE_SUFFIXES:
        return _read_pixels(Wanted(path, mask=True), spacing_mm)
    return read_volume(path, spacing_mm)


def _read_pixels(wanted: Wanted, spacing_mm: Sequence[float] | None) -> Volume:
    stack = volume_suffix(wanted.path) in STACK_SUFFIXES
    array, notes = read_tiff(wanted) if stack else read_picture(wanted)
    spacing = checked_spacing(spacing_mm or (1.0,) * array.ndim, array.ndim, f"{wanted.path}: spacing_mm")
    try:
        return Volume(array, spacing, notes=tuple(notes))
    except ValueError as error:
        raise ValueError(f"{wanted.path}: {error}") from None


def _form(path: Path) -> str:
    """The suffix of a file that is there; raises FileNotFoundError, or ValueError for what is no volume file."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    suffix = volume_suffix(path)
    if path.is_dir() or suffix is None:
        got = "a folder" if path.is_dir() else "another kind of file"
        raise ValueError(f"{path}: expected a volume file ({', '.join(VOLUME_SUFFIXES)}), got {got}")
    return suffix


def _read_image(path: Path) -> sitk.Image:
    """Read a file after checking what ITK does not; raises as read_volume."""
    suffix = volume_suffix(path)
    if suffix in (".nii", ".nii.gz"):
        check_nifti(path, finite=True)
    elif suffix in (".mha", ".mhd"):
        check_metaimage(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet_itk():
            reader.ReadImageInformation()
            if reader.GetDimension() in (2, 3):
                checked_spacing(reader.GetSpacing()[::-1], reader.GetDimension(), str(path))
                image = reader.Execute()
    except RuntimeError as error:
        raise ValueError(f"{path}: damaged or not a {suffix} file ({itk_reason(error)}); get it again") from None
    if reader.GetDimension() not in (2, 3):
        raise ValueError(
            f"{path}: an image of {reader.GetDimension()} dimensions (x, y, z, ... = {reader.GetSize()}) "
            "where one volume is expected; save the volume you mean as a file of its own"
        )
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise ValueError(f"{path}: {image.GetNumberOfComponentsPerPixel()} numbers a voxel where one is expected")
    return image


def _spacing(path: Path, image: sitk.Image, given: Sequence[float] | None) -> tuple[float, ...]:
    if given is not None:
        return checked_spacing(given, image.GetDimension(), f"{path}: spacing_mm")
    return tuple(image.GetSpacing()[::-1])

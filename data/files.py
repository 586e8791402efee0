"""Volumes in and out of files: NIfTI, NRRD, MetaImage, TIFF and PNG, and DICOM folders through data/dicom.py."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import SimpleITK as sitk

from ramify.data.archives import archive_name
from ramify.data.dicom import is_slice, read_series
from ramify.data.file_names import (
    ARRAY_SUFFIXES,
    METAIMAGE_SUFFIXES,
    NIFTI_SUFFIXES,
    NRRD_SUFFIXES,
    VOLUME_SUFFIXES,
    array_suffix,
    file_of,
    is_broken_link,
    split_key,
    volume_suffix,
)
from ramify.data.formats import metaimage, nrrd
from ramify.data.formats.arrays import read_arrays, without_marks
from ramify.data.formats.channels import FileChannels, channel_names
from ramify.data.formats.nifti import read_nifti
from ramify.data.formats.nifti_writing import write_nifti
from ramify.data.formats.pictures import read_picture
from ramify.data.formats.pixels import Wanted
from ramify.data.formats.slicer import read_segment, segments
from ramify.data.formats.tiff import read_tiff
from ramify.data.formats.tiff_layout import begins_as_tiff
from ramify.data.formats.whole_numbers import as_labels, as_mask
from ramify.data.itk import itk_reason, plainly_named, quiet_itk, volume_to_image
from ramify.data.volume import Volume, checked_spacing
from ramify.disk.own_files import put
from ramify.disk.part_files import part_of

WRITTEN_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")  # one file each, with geometry
_PAIR = "half of a NIfTI or Analyze pair: save both as one .nii.gz file"
_OTHER_FORMS = {".hdr": _PAIR, ".img": _PAIR}
_SLICE_SUFFIXES = (".dcm", ".ima")


def read_volume(path: Path | str, spacing_mm: Sequence[float] | None = None, channel: str | None = None) -> Volume:
    """Read one volume with its geometry; the array keeps the type of the file.

    Args:
        path: a file, or an array of an HDF5 or NumPy file as FILE::KEY.
        spacing_mm: (z, y, x) to use in place of the file's. TIFF, pictures and NumPy's arrays carry no millimetres
            (resolution tags are for printing), so theirs is 1 unless given.
        channel: which channel of a file with several, as in `read_channels`.

    Raises FileNotFoundError, or ValueError that names the file: unknown form, damaged, several channels and none
    chosen, spacing not > 0, sheared.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.data import Volume, read_volume, write_volume
        >>> write_volume(Path("ct.nii.gz"), Volume(np.zeros((4, 5, 6), np.int16), (2.0, 1.0, 1.0)))
        >>> volume = read_volume(Path("ct.nii.gz"))
        >>> volume.shape, volume.spacing_mm, volume.array.dtype.name
        ((4, 5, 6), (2.0, 1.0, 1.0), 'int16')
    """
    return next(iter(read_channels(path, () if channel is None else (channel,), spacing_mm).values()))


def read_channels(
    path: Path | str, channels: Sequence[str] = (), spacing_mm: Sequence[float] | None = None
) -> dict[str, Volume]:
    """Read channels of a file by name, all on one grid: colours, vectors, volumes one after the other, several arrays.

    Args:
        path: as in `read_volume`.
        channels: which, and in which order: names or numbers from 0, or `all`. Colours are called red, green, blue, and
            have a luminance; arrays of an HDF5 or NumPy file as they are called there; others channel_0, channel_1, ...
            None of them: the only one there is, called image.
        spacing_mm: as in `read_volume`.

    Raises as `read_volume`, and ValueError for a channel that the file does not have.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.data import read_channels
        >>> np.save("flow.npy", np.arange(24.0).reshape(2, 3, 2, 2))  # two channels of 3 x 2 x 2
        >>> channels = read_channels(Path("flow.npy"), ["all"], spacing_mm=(2.0, 1.0, 1.0))
        >>> {name: volume.shape for name, volume in channels.items()}
        {'channel_0': (3, 2, 2), 'channel_1': (3, 2, 2)}
    """
    path = Path(path)
    found = _read(path, channels, spacing_mm, mask=False)
    if channels:
        return found.picked(channels, path)
    return {found.names[0]: found.only(path, choose=True)}


def stored_in(path: Path) -> list[Path]:
    """Every file that a volume file's content lies in: itself, and the data beside a header (.nhdr, .mhd).

    Raises ValueError or OSError that names a header which is damaged or lacks its data.
    """
    path = file_of(path)
    form, detached = volume_suffix(path), None
    if form in NRRD_SUFFIXES:
        detached = nrrd.detached_data(nrrd.nrrd_header(path))
    elif form in METAIMAGE_SUFFIXES:
        detached = metaimage.detached_data(metaimage.metaimage_header(path))
    return [path] if detached is None else [path, detached]


def read_image_or_series(path: Path | str, spacing_mm: Sequence[float] | None = None) -> Volume:
    """Read a volume from a file, or from a folder that holds one DICOM series. Errors as in either reader.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.data import Volume, read_image_or_series, write_volume
        >>> write_volume(Path("ct.nrrd"), Volume(np.zeros((4, 5, 6), np.int16), (2.0, 1.0, 1.0)))
        >>> read_image_or_series(Path("ct.nrrd")).shape
        (4, 5, 6)
    """
    path = Path(path)
    return read_series(path, spacing_mm=spacing_mm) if path.is_dir() else read_volume(path, spacing_mm)


def read_mask(path: Path | str, spacing_mm: Sequence[float] | None = None, pick: str | None = None) -> Volume:
    """Read a mask as a boolean volume: 0 is outside, the one other value (1, 255, ...) inside; may be empty.

    Args:
        pick: what to do with a label map, for the message that refuses it.

    Raises FileNotFoundError, or ValueError that names the file: as read_volume, and for NaN, probabilities, a label
    map with several labels or a segmentation of 3D Slicer with several segments (see data/formats/slicer.py).

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.data import Volume, read_mask, write_volume
        >>> inside = np.array([[[0, 255, 255]]], np.uint8)
        >>> write_volume(Path("mask.nii.gz"), Volume(inside, (1.0, 1.0, 1.0)))
        >>> read_mask(Path("mask.nii.gz")).array.tolist()
        [[[False, True, True]]]
    """
    path = Path(path)
    if form_of(path) in NRRD_SUFFIXES and segments(path):
        return read_segment(path, spacing_mm=spacing_mm)
    volume = _read_whole_numbers(path, spacing_mm)
    return volume.with_array(as_mask(volume.array, str(path), pick))


def read_label_map(path: Path | str, spacing_mm: Sequence[float] | None = None) -> Volume:
    """Read a label map as int32; raises as read_volume, and ValueError for values that are not whole numbers.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.data import Volume, read_label_map, write_volume
        >>> labels = np.array([[[0, 1, 2]]], np.uint8)
        >>> write_volume(Path("labels.nii.gz"), Volume(labels, (1.0, 1.0, 1.0)))
        >>> array = read_label_map(Path("labels.nii.gz")).array
        >>> array.tolist(), array.dtype.name
        ([[[0, 1, 2]]], 'int32')
    """
    path = Path(path)
    volume = _read_whole_numbers(path, spacing_mm)
    return volume.with_array(as_labels(volume.array, str(path)))


def write_volume(path: Path | str, volume: Volume) -> None:
    """Write a volume with its geometry, compressed; a mask becomes 8-bit. The file appears whole or not at all.

    Makes the folder where it is missing. Raises ValueError for a suffix that cannot hold geometry and for a file in the
    way that is not Ramify's, OSError that names the file where it cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from ramify.data import Volume, read_volume, write_volume
        >>> write_volume(Path("ct.nii.gz"), Volume(np.zeros((4, 5, 6), np.int16), (2.0, 1.0, 1.0)))
        >>> Path("ct.nii.gz").is_file()
        True
    """
    path = Path(path)
    suffix = volume_suffix(path)
    if suffix not in WRITTEN_SUFFIXES:
        raise ValueError(f"{path}: a volume is written as one of {', '.join(WRITTEN_SUFFIXES)}; choose one of these")
    temporary = part_of(path, suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix in NIFTI_SUFFIXES:
            write_nifti(temporary, volume, suffix == ".nii.gz", str(path))
        else:
            temporary.touch()  # ITK says "cannot write" for every cause; the system names it
            with quiet_itk(), plainly_named(path.parent) as folder:
                sitk.WriteImage(volume_to_image(volume), str(folder / temporary.name), useCompression=True)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        put(temporary, path)
    except RuntimeError as error:
        raise OSError(f"{path}: cannot be written ({itk_reason(error)}); check the folder and the free space") from None
    except OSError as error:
        raise OSError(f"{path}: cannot be written ({error.strerror or error}); choose another output") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _read_whole_numbers(path: Path, spacing_mm: Sequence[float] | None) -> Volume:
    """The file as a mask or label map, before its values are looked at."""
    volume = _read(path, (), spacing_mm, mask=True).only(path, "mask")
    return volume.with_array(without_marks(volume.array)) if array_suffix(path) else volume


def _read(path: Path, wanted: Sequence[str], spacing_mm: Sequence[float] | None, mask: bool) -> FileChannels:
    """All channels of a file, as far as they are wanted; an image without wanted ones may have several."""
    form = form_of(path)
    if form in ARRAY_SUFFIXES:
        return read_arrays(*split_key(path), wanted, spacing_mm)
    if form in NIFTI_SUFFIXES:
        return read_nifti(path, spacing_mm)
    if form in NRRD_SUFFIXES:
        return nrrd.read_nrrd(path, spacing_mm)
    if form in METAIMAGE_SUFFIXES:
        return metaimage.read_metaimage(path, spacing_mm)
    return _read_pixels(Wanted(path, bool(wanted), mask), spacing_mm)


def _read_pixels(wanted: Wanted, spacing_mm: Sequence[float] | None) -> FileChannels:
    # Pictures are often called by another form's name; each says itself what it is.
    array, notes, hint = (read_tiff if begins_as_tiff(wanted.path) else read_picture)(wanted)
    ndim = array.ndim - 1
    spacing = checked_spacing(spacing_mm or (1.0,) * ndim, ndim, f"{wanted.path}: spacing_mm")
    try:
        grid = Volume(array[0], spacing, notes=tuple(notes), placed=spacing_mm is not None)
    except ValueError as error:
        raise ValueError(f"{wanted.path}: {error}") from None
    found = FileChannels.of_array(array, grid)
    if len(array) == 1:
        return found
    return replace(found, names=channel_names(len(array), colour=True), colour=True, hint=hint)


def form_of(path: Path) -> str:
    """The suffix of a file that is there, by which it is read.

    Raises FileNotFoundError, or ValueError that says what a file is which is no volume file, and what to give instead.
    """
    path = file_of(path)
    if is_broken_link(path):
        raise FileNotFoundError(f"{path}: a link to {path.readlink()}, which is not there; get that file")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    suffix = volume_suffix(path) or array_suffix(path)
    if not path.is_dir() and suffix is not None:
        return suffix
    if archive_name(path) is not None and not path.is_dir():
        raise ValueError(f"{path}: an archive where a volume file is expected; unpack it, and give what is in it")
    if not path.is_dir() and (path.suffix.lower() in _SLICE_SUFFIXES or is_slice(path)):
        raise ValueError(f"{path}: a DICOM slice: give the folder of its series, {path.parent}")
    got = "a folder" if path.is_dir() else _OTHER_FORMS.get(path.suffix.lower(), "another kind of file")
    forms = ", ".join((*VOLUME_SUFFIXES, *ARRAY_SUFFIXES))
    raise ValueError(f"{path}: expected a volume file ({forms}), got {got}")

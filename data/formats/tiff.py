"""TIFF in its many forms, through tifffile: one plane or one stack, with every number as it was stored."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ramify.data.formats.damage import naming_damage
from ramify.data.formats.pixels import Pixels, Wanted, check_lossless_mask, through_palette, turned, without_alpha
from ramify.data.formats.tiff_layout import check_chain, check_segments
from ramify.data.formats.unpack_limit import check_memory, check_unpacked
from ramify.data.formats.voxels import check_finite

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_ORIENTATION = 274
_JPEG = {6, 7}
_LOSSY = {*_JPEG, 33003, 33004, 33005, 34712, 34887, 34892, 48124, 50001, 50002, 34927}
_DEPTH, _COLOUR = "ZIQ", "SC"
_MOST_CHANNELS = 4
_CHANNEL_NAME = re.compile(r"<Channel\b[^>]*\b(?:Name|Color|EmissionWavelength|Fluor)=")

# It tells of every tag it cannot make sense of; what matters is found here or raised.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)


def read_tiff(wanted: Wanted) -> Pixels:
    """Channels (C, z, y, x) or (C, y, x) in the file's own type, and notes on what was done to them.

    Raises ValueError that names the file: damaged, truncated, packed in a way that cannot be read, several images or
    time points in one, partly transparent, a mask whose values are inverted or blurred.
    """
    path = wanted.path
    check_chain(path)
    with naming_damage(path), tifffile.TiffFile(path, _multifile=False) as tiff:
        series = _only_series(tiff, path)
        page = series.keyframe
        check_unpacked(path, int(series.nbytes), path.stat().st_size)
        check_memory(path, int(series.nbytes))
        check_segments(series, path)
        if series.dtype is None or series.dtype.kind not in "biuf":
            raise ValueError(f"{path}: numbers of type {series.dtype}, which are no grey values; save it in grey")
        array = series.asarray(maxworkers=1)
        if array.shape != series.shape:
            raise ValueError(f"{path}: truncated: {array.shape} numbers where {series.shape} are announced")
        notes = _unused_sizes(tiff)
        axes = series.axes
        if not wanted.channels and _channels_are_slices(tiff, axes, series.shape):
            axes = axes.replace("C", "Z")
            notes.append("more unnamed channels than a picture has: taken for slices; --channels takes some of them")
        array = _channels(*_depth_first(array, axes, wanted), page, wanted)
    if page.compression in _LOSSY:
        check_lossless_mask(array, wanted, "its lossy compression")
    if page.photometric == _MIN_IS_WHITE:
        array = _inverted(array, page, wanted)
        notes.append("its photometric tag says that 0 is white: values inverted")
    check_finite(array, path)
    orientation = page.tags.valueof(_ORIENTATION, 1)
    seen = turned(array, orientation)
    notes += ["turned as its orientation tag says"] * (seen is not array)
    # Programs that know of no axes call slices channels.
    hint = "; if these are slices, save it with the axes Z, Y, X" if "C" in axes else ""
    return Pixels(np.ascontiguousarray(seen), notes, hint)


def _only_series(tiff: tifffile.TiffFile, path: Path) -> Any:
    if len(tiff.series) != 1:
        shown = ", ".join(f"{one.axes} {' x '.join(map(str, one.shape))}" for one in tiff.series[:4])
        raise ValueError(f"{path}: {len(tiff.series)} images in one file ({shown}); save the one you mean")
    series = tiff.series[0]
    if len(series.levels) > 1:
        raise ValueError(f"{path}: a pyramid of {len(series.levels)} resolutions; save the one you mean")
    if any(page is None for page in series.pages):
        raise ValueError(f"{path}: some of its planes are in other files; save it as one file")
    return series


def _channels_are_slices(tiff: tifffile.TiffFile, axes: str, shape: tuple[int, ...]) -> bool:
    """Programs that are told of no axes call the slices of a stack channels, and give them no names."""
    sizes = dict(zip(axes, shape, strict=True))
    named = "<Channel" in (tiff.ome_metadata or "") and _CHANNEL_NAME.search(tiff.ome_metadata or "")
    depth = any(sizes.get(axis, 1) > 1 for axis in _DEPTH)
    return sizes.get("C", 1) > _MOST_CHANNELS and not depth and not named


def _depth_first(array: NDArray[Any], axes: str, wanted: Wanted) -> tuple[NDArray[Any], str]:
    """The array with its axes in the order [depth] y x [colour]; axes of length 1 are left off."""
    kept = [place for place, size in enumerate(array.shape) if size > 1 or axes[place] in "YX"]
    array = array.reshape([array.shape[place] for place in kept])
    named = "".join(axes[place] for place in kept)
    depth = [axis for axis in named if axis in _DEPTH]
    colour = [axis for axis in named if axis in _COLOUR]
    others = [axis for axis in named if axis not in _DEPTH + _COLOUR + "YX"]
    if others or len(depth) > 1 or len(colour) > 1 or "Y" not in named or "X" not in named:
        sizes = ", ".join(f"{axis} {size}" for axis, size in zip(named, array.shape, strict=True))
        raise ValueError(
            f"{wanted.path}: axes {sizes} where one plane or one stack (Z, Y, X) is expected; save the part you mean"
        )
    order = "".join([*depth, "Y", "X", *colour])
    return array.transpose([named.index(axis) for axis in order]), order


def _channels(array: NDArray[Any], axes: str, page: Any, wanted: Wanted) -> NDArray[Any]:
    if page.photometric not in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE) and not (
        page.photometric == _YCBCR and page.compression in _JPEG
    ):
        name = getattr(page.photometric, "name", page.photometric)
        raise ValueError(f"{wanted.path}: colours stored as {name}; save it as RGB or in grey")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if page.photometric == _PALETTE:
        if page.colormap is None or axes[-1] in _COLOUR:
            raise ValueError(f"{wanted.path}: damaged: its palette is missing; get it again")
        return through_palette(array, (np.asarray(page.colormap) // 257).astype(np.uint8).T, wanted)
    if axes[-1] not in _COLOUR:
        return array[None]
    if axes[-1] == "S" and any(kind in (1, 2) for kind in page.extrasamples):
        if len(page.extrasamples) > 1:
            raise ValueError(f"{wanted.path}: several extra samples beside its colours; save it as RGB or in grey")
        array = without_alpha(array, wanted)
    return wanted.channels_of(array)


def _inverted(array: NDArray[Any], page: Any, wanted: Wanted) -> NDArray[Any]:
    if wanted.mask:
        raise ValueError(
            f"{wanted.path}: its photometric tag says that 0 is white, so it cannot be told whether 0 is inside or "
            "outside; save the mask with 0 as black (MinIsBlack)"
        )
    if array.dtype.kind != "u":
        raise ValueError(f"{wanted.path}: its photometric tag inverts numbers of type {array.dtype}; save it inverted")
    inverted: NDArray[Any] = (2**page.bitspersample - 1 - array).astype(array.dtype)
    return inverted


def _unused_sizes(tiff: tifffile.TiffFile) -> list[str]:
    """A note where metadata of microscopes give real sizes, which are not taken for millimetres."""
    if tiff.is_ome and "PhysicalSize" in (tiff.ome_metadata or ""):
        return ["its OME metadata gives a physical size, which is not used: give the spacing in mm if it matters"]
    described = tiff.imagej_metadata or {}
    if described.get("unit", "pixel") not in ("pixel", "pixels", "") or "spacing" in described:
        return ["its ImageJ metadata gives a spacing, which is not used: give the spacing in mm if it matters"]
    return []

"""Pictures of one plane: PNG, JPEG, GIF, PPM, PGM and BMP, through Pillow."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from ramify.data.formats.damage import naming_damage
from ramify.data.formats.pixels import Pixels, Wanted, check_lossless_mask, through_palette, turned, without_alpha
from ramify.data.formats.unpack_limit import PICTURE, check_unpacked
from ramify.data.formats.voxels import check_finite

_FORMATS = ("PNG", "JPEG", "GIF", "PPM", "BMP")
_ORIENTATION = 274
_GREY_PNG, _PNG_HEADER = 0, 26

# Pillow counts pixels; what is allowed here goes by bytes, and can be set (data/formats/unpack_limit.py).
Image.MAX_IMAGE_PIXELS = None


def read_picture(wanted: Wanted) -> Pixels:
    """Channels (C, y, x) in the file's own type, and notes on what was done to them.

    Raises ValueError that names the file: damaged, several pictures in one, partly transparent, a mask in colour or
    stored with loss, too big, or of a form that Pillow cannot read exactly.
    """
    path = wanted.path
    with naming_damage(path, unsaid=UnidentifiedImageError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path, formats=_FORMATS) as opened:
            if opened.format == "PNG":
                opened.verify()  # check sums, which reading passes over
        with Image.open(path, formats=_FORMATS) as image:
            check_unpacked(path, image.width * image.height * 4, path.stat().st_size, PICTURE)
            if (frames := getattr(image, "n_frames", 1)) > 1:
                raise ValueError(f"{path}: {frames} pictures in one file; save the one you mean")
            unscale = _unscaled_by(image, path)
            image.load()
            array = unscale(_channels(image, wanted))
            orientation = int(image.getexif().get(_ORIENTATION, 1))
            if image.format in ("JPEG", "MPO"):
                check_lossless_mask(array, wanted, "JPEG")
    check_finite(array, path)
    seen = turned(array, orientation)
    return Pixels(np.ascontiguousarray(seen), ["turned as its EXIF orientation says"] * (seen is not array))


def _channels(image: Image.Image, wanted: Wanted) -> NDArray[Any]:
    if "transparency" in image.info and image.mode != "I;16":
        without_alpha(np.asarray(image.convert("RGBA")), wanted)
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
        return through_palette(np.asarray(image), palette, wanted)
    array = np.asarray(image.convert("RGBA") if image.mode == "PA" else image)
    if image.mode in ("LA", "RGBA", "PA"):
        return wanted.channels_of(without_alpha(array, wanted))
    if image.mode == "RGB":
        return wanted.channels_of(array)
    if array.ndim != 2:
        raise ValueError(f"{wanted.path}: colours stored as {image.mode}; save it as RGB or in grey")
    return (array.astype(np.uint8) if array.dtype == np.bool_ else array.astype(array.dtype.newbyteorder("=")))[None]


class _Unscale:
    """Takes back what Pillow multiplies grey values by to fill 8 or 16 bits: 0 to 3 of a 2-bit PNG are 0 to 3."""

    def __init__(self, highest: int = 1, filled: int = 1) -> None:
        self._highest, self._filled = highest, filled

    def __call__(self, array: NDArray[Any]) -> NDArray[Any]:
        if self._highest == self._filled:
            return array
        return np.round(array.astype(np.float64) * self._highest / self._filled).astype(array.dtype)


def _unscaled_by(image: ImageFile.ImageFile, path: Path) -> _Unscale:
    """What to take back, known from the header before Pillow reads on; raises ValueError for what it would shorten."""
    if image.format == "PNG":
        with path.open("rb") as stream:
            bits, kind = stream.read(_PNG_HEADER)[-2:]
        if bits == 16 and kind != _GREY_PNG:
            raise ValueError(f"{path}: colours of 16 bits, of which 8 would be read; save it as TIFF or in grey")
        return _Unscale(2**bits - 1, 255) if kind == _GREY_PNG and 1 < bits < 8 else _Unscale()
    if image.format != "PPM":
        return _Unscale()
    if image.mode == "1":
        raise ValueError(f"{path}: a bitmap in which 1 is black; save it as PGM or PNG")
    # Pillow gives its decoder the greatest value of the header, unless the values need no scaling.
    arguments = image.tile[0][3]
    greatest = arguments[1] if isinstance(arguments, tuple) and image.mode != "F" else None
    if greatest is not None and greatest > 255 and image.mode != "I":
        raise ValueError(f"{path}: colours of 16 bits, of which 8 would be read; save it as TIFF or in grey")
    return _Unscale() if greatest is None else _Unscale(int(greatest), 65535 if image.mode == "I" else 255)

"""Every form a mask can have: what was written is what is read, by another program's writer for each."""

import gzip
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image

from ramify.data.files import read_label_map, read_mask, read_volume

LABELS = np.random.default_rng(0).integers(0, 3, (4, 33, 50))  # odd sizes: tiles and bits do not come out even
DTYPES = ("bool", "u1", "i2", "u2", "i4", "f4")
Write = Callable[[Path, np.ndarray], None]

DIRECTIONS = {
    "axial": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "from the head": (1, 0, 0, 0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, 1, 0, -1, 0),
    "sagittal": (0, 0, 1, 1, 0, 0, 0, -1, 0),
}


def by_itk(direction: str, packed: bool) -> Write:
    def write(path: Path, array: np.ndarray) -> None:
        image = sitk.GetImageFromArray(array.astype("u1") if array.dtype == bool else array)
        image.SetSpacing((0.7, 0.8, 2.5))
        image.SetDirection(DIRECTIONS[direction])
        sitk.WriteImage(image, str(path), packed)

    return write


def nrrd_by_hand(encoding: str) -> Write:
    def write(path: Path, array: np.ndarray) -> None:
        array = array.astype("u1") if array.dtype == bool else array
        kind = {"u1": "uchar", "i2": "short", "u2": "ushort", "i4": "int", "f4": "float"}[array.dtype.str[1:]]
        content = {
            "ascii": lambda: " ".join(f"{number:g}" for number in array.ravel()).encode(),
            "gzip": lambda: gzip.compress(array.tobytes()),
            "raw": lambda: array.astype(array.dtype.newbyteorder(">")).tobytes(),
        }[encoding]()
        head = (
            f"NRRD0004\ntype: {kind}\ndimension: 3\nsizes: {' '.join(map(str, array.shape[::-1]))}\n"
            f"endian: {'big' if encoding == 'raw' else 'little'}\nencoding: {encoding}\n\n"
        )
        path.write_bytes(head.encode() + content)

    return write


def by_tifffile(**settings: object) -> Write:
    def write(path: Path, array: np.ndarray) -> None:
        if settings.get("compression") == "lzw" and array.dtype == bool:
            array = array.astype("u1")
        if settings.get("imagej"):
            array = array.astype({"b": "u1", "i": "u2"}.get(array.dtype.kind, array.dtype))
        tifffile.imwrite(path, array, photometric="minisblack", **settings)  # type: ignore[arg-type]

    return write


def by_pillow(path: Path, array: np.ndarray) -> None:
    plane = array[0] if array.dtype in (bool, np.uint16) and path.suffix == ".png" else array[0].astype("u1")
    Image.fromarray(plane).save(path)


def forms() -> Iterator[tuple[str, str, Write]]:
    for direction in DIRECTIONS:
        for suffix, packed in ((".nii", False), (".nii.gz", True)):
            yield f"{suffix} {direction}", suffix, by_itk(direction, packed)
        for suffix, packed in itertools.product((".nrrd", ".nhdr", ".mha", ".mhd"), (False, True)):
            yield f"{suffix} {direction} packed={packed}", suffix, by_itk(direction, packed)
    for encoding in ("ascii", "gzip", "raw"):
        yield f"nrrd {encoding}", ".nrrd", nrrd_by_hand(encoding)
    tilings: list[dict[str, Any]] = [{}, {"tile": (16, 32)}, {"rowsperstrip": 7}]
    forms: list[dict[str, Any]] = [
        {},
        {"bigtiff": True},
        {"metadata": None},
        {"ome": True, "metadata": {"axes": "ZYX"}},
    ]
    for tiling, packing in itertools.product(tilings, (None, "zlib", "lzw")):
        for form in forms:
            settings = {**tiling, **form, "compression": packing}
            yield f"tiff {settings}", ".tif", by_tifffile(**settings)
    yield "tiff imagej", ".tif", by_tifffile(imagej=True, metadata={"axes": "ZYX"})
    yield "tiff big-endian", ".tif", by_tifffile(byteorder=">")
    for suffix in (".png", ".gif", ".bmp", ".pgm"):
        yield f"picture {suffix}", suffix, by_pillow


FORMS = list(forms())


@pytest.mark.parametrize(("suffix", "write"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
def test_what_was_written_is_what_is_read(tmp_path: Path, suffix: str, write: Write):
    for dtype in DTYPES:
        path = tmp_path / f"{dtype}{suffix}"
        mask = LABELS == 2
        written = mask if path.suffix not in (".png", ".gif", ".bmp", ".pgm") else mask[0]
        write(path, mask.astype(dtype))
        assert np.array_equal(read_mask(path).array, written), dtype
        if dtype != "bool":
            write(path, LABELS.astype(dtype))
            labels = LABELS if written is mask else LABELS[0]
            assert np.array_equal(read_label_map(path).array, labels), dtype
            assert np.array_equal(read_volume(path).array, labels), dtype

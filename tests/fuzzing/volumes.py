"""Valid volumes and pictures of every form, made here, and their readers."""

import gzip
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import SimpleITK as sitk
import tifffile
from PIL import Image

from ramify.data.files import read_channels, read_label_map, read_mask
from ramify.data.formats.slicer import read_segment, segments
from tests.fuzzing.reader import Reader

STACK = np.random.default_rng(0).integers(0, 200, (4, 20, 24))


def _by_itk(suffix: str, *packed: bool) -> list[bytes]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        for dtype in ("u1", "i2", "f4"):
            for dense in packed:
                image = sitk.GetImageFromArray(STACK.astype(dtype))
                image.SetSpacing((0.7, 0.8, 2.5))
                image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
                sitk.WriteImage(image, str(path), dense)
                found.append(path.read_bytes())
        vectors = sitk.GetImageFromArray(np.stack([STACK, STACK // 2], -1).astype("u1"), isVector=True)
        sitk.WriteImage(vectors, str(path), packed[-1])
        found.append(path.read_bytes())
    return found


def _nrrds() -> list[bytes]:
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 3 2 2\nspacings: 1 2 3\nencoding: ascii\n\n"
    return [*_by_itk(".nrrd", False, True), (head + " ".join(map(str, range(12)))).encode()]


def _segmentations() -> list[bytes]:
    layers = np.stack([STACK > 100, STACK > 150], axis=-1).astype(np.uint8)
    head = (
        "NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 24 20 4\n"
        "space directions: none (1,0,0) (0,1,0) (0,0,2)\nkinds: list domain domain domain\nencoding: raw\n"
        "space origin: (0,0,0)\nSegment0_Name:=liver\nSegment0_Layer:=0\nSegment0_LabelValue:=1\n"
        "Segment1_Name:=portal vein\nSegment1_Layer:=1\nSegment1_LabelValue:=1\n\n"
    )
    return [head.encode() + layers.tobytes()]


def _metaimages() -> list[bytes]:
    head = "NDims = 3\nDimSize = 3 2 2\nElementType = MET_SHORT\nBinaryData = False\nElementDataFile = LOCAL\n"
    return [*_by_itk(".mha", False, True), (head + " ".join(map(str, range(12)))).encode()]


def _tiffs() -> list[bytes]:
    found = []
    forms: list[dict[str, Any]] = [
        {},
        {"tile": (16, 16)},
        {"compression": "lzw", "rowsperstrip": 7},
        {"compression": "zlib", "predictor": True},
        {"bigtiff": True},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"metadata": None},
    ]
    for form in forms:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, STACK.astype(np.uint16), photometric="minisblack", **form)
        found.append(buffer.getvalue())
    for array in (STACK[0] > 100, np.moveaxis(STACK[:3], 0, -1).astype(np.uint8)):
        for compression in ("tiff_lzw", "packbits", "jpeg", "group4"):
            if (compression == "group4") != (array.dtype == bool) and compression in ("group4", "jpeg"):
                continue
            buffer = io.BytesIO()
            Image.fromarray(array).save(buffer, "TIFF", compression=compression)
            found.append(buffer.getvalue())
    return found


def _pictures(form: str) -> Callable[[], list[bytes]]:
    grey = STACK[0].astype(np.uint8)
    kinds = [Image.fromarray(grey), Image.fromarray(np.moveaxis(STACK[:3], 0, -1).astype(np.uint8))]
    if form in ("PNG", "GIF", "BMP"):
        kinds += [Image.fromarray(grey).convert("P"), Image.fromarray(grey > 100)]
    if form == "PNG":
        kinds += [Image.fromarray(STACK[0].astype(np.uint16)), Image.fromarray(np.dstack([grey, grey * 0 + 255]), "LA")]

    def make() -> list[bytes]:
        found = []
        for picture in kinds:
            buffer = io.BytesIO()
            picture.save(buffer, form)
            found.append(buffer.getvalue())
        return found

    return make


def _hdf5s() -> list[bytes]:
    found = []
    for settings in ({}, {"chunks": (2, 10, 12), "compression": "gzip"}, {"chunks": True, "shuffle": True}):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            for key, array in (("volumes/raw", STACK.astype("i2")), ("labels", (STACK > 100).astype("u1"))):
                file.create_dataset(key, data=array, **settings).attrs["resolution"] = (40.0, 4.0, 4.0)
        found.append(buffer.getvalue())
    return found


def _numpy_files() -> list[bytes]:
    found = []
    for array in (STACK.astype("i2"), STACK.astype("f4"), np.stack([STACK, STACK]).astype(">u2")):
        buffer = io.BytesIO()
        np.save(buffer, array)
        found.append(buffer.getvalue())
    return found


def _archives_of_arrays() -> list[bytes]:
    found = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, raw=STACK.astype("i2"), labels=STACK > 100)
        found.append(buffer.getvalue())
    return found


def _every_way(path: Path) -> None:
    """As an image, as a mask and as a label map; the first refusal is raised when all were tried."""
    refused: list[Exception] = []
    for read in (lambda: read_channels(path, ["all"]), lambda: read_mask(path), lambda: read_label_map(path)):
        try:
            read()
        except (ValueError, OSError) as error:
            if "\n" in str(error):
                raise
            refused.append(error)
    if len(refused) == 3:
        raise refused[0]


def _inside_gzip(path: Path) -> None:
    """Damage under whole check sums: what gzip itself would refuse never reaches the header's checks."""
    packed = path.with_name("inside.nii.gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    _every_way(packed)


def _segment(path: Path) -> None:
    read_segment(path, [segment.name for segment in segments(path)])


READERS = [
    Reader("nifti", "a.nii", lambda: _by_itk(".nii", False), _every_way),
    Reader("nifti.gz", "a.nii.gz", lambda: _by_itk(".nii.gz", True), _every_way),
    Reader("nifti in gzip", "a.nii", lambda: _by_itk(".nii", False), _inside_gzip),
    Reader("nrrd", "a.nrrd", _nrrds, _every_way),
    Reader("slicer", "a.seg.nrrd", _segmentations, _segment),
    Reader("metaimage", "a.mha", _metaimages, _every_way),
    Reader("hdf5", "a.h5", _hdf5s, _every_way),
    Reader("npy", "a.npy", _numpy_files, _every_way),
    Reader("npz", "a.npz", _archives_of_arrays, _every_way),
    Reader("tiff", "a.tif", _tiffs, _every_way),
    Reader("png", "a.png", _pictures("PNG"), _every_way),
    Reader("jpeg", "a.jpg", _pictures("JPEG"), _every_way),
    Reader("gif", "a.gif", _pictures("GIF"), _every_way),
    Reader("bmp", "a.bmp", _pictures("BMP"), _every_way),
    Reader("pgm", "a.pgm", _pictures("PPM"), _every_way),
]

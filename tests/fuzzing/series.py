"""Valid DICOM slices, made here, and the reader of a series: one slice of three is damaged."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ramify.data.dicom import read_series
from tests.dicom_series import locale_kept
from tests.fuzzing.reader import Reader


@functools.cache  # the library leaves a byte or two to chance
def _slice(number: int, dtype: str = "i2", packing: str = "") -> bytes:
    noise = np.random.default_rng(number).integers(0, 250, (24, 20))
    image = sitk.GetImageFromArray(noise.astype(dtype))
    image.SetSpacing((0.7, 0.8))
    for key, value in {
        "0008|0020": "20200101",
        "0008|0030": "120000",
        "0008|0060": "CT",
        "0020|000d": "1.2.3",
        "0020|000e": "1.2.3.4",
        "0008|0018": f"1.2.3.4.{number}",
        "0020|0032": f"0\\0\\{2 * number}",
        "0020|0037": "1\\0\\0\\0\\1\\0",
        "0018|0050": "2",
        "0028|1052": "-1024",
        "0028|1053": "1",
    }.items():
        image.SetMetaData(key, value)
    with tempfile.TemporaryDirectory() as folder:
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(Path(folder) / "a.dcm"))
        if packing:
            writer.SetUseCompression(True)
            writer.SetCompressor(packing)
        with locale_kept():
            writer.Execute(image)
        return (Path(folder) / "a.dcm").read_bytes()


@functools.cache
def _neighbours() -> tuple[bytes, bytes]:
    return _slice(0), _slice(2)


def _damaged_one() -> list[bytes]:
    """The slice between the two others, plain and packed."""
    return [_slice(1), *(_slice(1, "u1", packing) for packing in ("JPEG", "JPEG2000", "JPEGLS"))]


def _read(path: Path) -> None:
    folder = path.parent / "series"
    folder.mkdir(exist_ok=True)
    first, last = _neighbours()
    for name, content in (("1", first), ("2", path.read_bytes()), ("3", last)):
        (folder / name).write_bytes(content)
    read_series(folder)


READERS = [Reader("dicom", "slice.dcm", _damaged_one, _read)]

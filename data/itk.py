"""What the two readers share of SimpleITK: its silence, its errors in one line, its axis order turned around."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.processes.temporary import temporary_folder

_STDERR = threading.RLock()
_REASON_LENGTH = 120


@contextmanager
def quiet_itk() -> Iterator[None]:
    """Swallow what ITK and the libraries below it print: they write to the process's stderr, past Python.

    A problem that matters is raised as an exception or found by our own checks of the file. Beside the main thread ITK
    alone is silenced: stderr is the process's, and the main thread may have something to say meanwhile.
    """
    swallowing = threading.current_thread() is threading.main_thread()
    with _WARNINGS.off(), _stderr_swallowed() if swallowing else nullcontext():
        yield


class _Warnings:
    """ITK's switch for warnings, a single one for the process: off while any thread wants silence."""

    def __init__(self) -> None:
        self._lock, self._silent, self._shown = threading.Lock(), 0, True

    @contextmanager
    def off(self) -> Iterator[None]:
        with self._lock:
            if self._silent == 0:
                self._shown = sitk.ProcessObject.GetGlobalWarningDisplay()
                sitk.ProcessObject.SetGlobalWarningDisplay(False)
            self._silent += 1
        try:
            yield
        finally:
            with self._lock:
                self._silent -= 1
                if self._silent == 0:
                    sitk.ProcessObject.SetGlobalWarningDisplay(self._shown)


_WARNINGS = _Warnings()


@contextmanager
def _stderr_swallowed() -> Iterator[None]:
    with _STDERR, tempfile.TemporaryFile() as sink:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def plainly_named(path: Path) -> Iterator[Path]:
    """A file or folder under a name that ITK can take: one that is no UTF-8 ends the process, so a link stands in."""
    if _is_text(str(path)):
        yield path
    else:
        with temporary_folder("link") as temporary:
            link = temporary / "link"
            link.symlink_to(path.resolve())
            yield link


def plain_name(name: str) -> str:
    """A file's name, with what is no UTF-8 in it replaced."""
    return name if _is_text(name) else name.encode("utf-8", errors="replace").decode("utf-8")


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def stored_shape(path: Path) -> tuple[int, ...] | None:
    """Voxels along each axis of a file, (z, y, x), by its header alone; None where SimpleITK cannot tell."""
    with quiet_itk(), plainly_named(path) as name:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(name))
        try:
            reader.ReadImageInformation()
        except RuntimeError:
            return None
        return tuple(reversed(reader.GetSize()))


def itk_reason(error: RuntimeError) -> str:
    """The part of an ITK exception that says something, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("Exception thrown in") and ".cxx:" not in line]
    reason = re.sub(r"sitk::ERROR: |ITK ERROR: |\w+\(0x[0-9a-f]+\): ", "", " ".join(telling or lines))
    return reason if len(reason) <= _REASON_LENGTH else reason[: _REASON_LENGTH - 3] + "..."


def image_to_volume(image: sitk.Image, array: NDArray[Any], path: Path, spacing_mm: Sequence[float]) -> Volume:
    """`array` (z, y, x) in the place of a SimpleITK image (x, y, z); ValueError names `path`."""
    ndim = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(ndim, ndim)[::-1, ::-1]
    try:
        return Volume(array, tuple(spacing_mm), image.GetOrigin()[::-1], tuple(map(tuple, direction.tolist())))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def volume_to_image(volume: Volume) -> sitk.Image:
    """A volume (z, y, x) as a SimpleITK image (x, y, z); a mask becomes 8-bit."""
    array = volume.array.astype(np.uint8) if volume.array.dtype == np.bool_ else volume.array
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing(volume.spacing_mm[::-1])
    image.SetOrigin(volume.origin_mm[::-1])
    image.SetDirection(np.array(volume.direction)[::-1, ::-1].ravel().tolist())
    return image

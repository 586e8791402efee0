"""Valid archives, made here, and what unpacks them."""

import gzip
import io
import lzma
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from ramify.data.archives import unpack
from tests.fuzzing.reader import Reader


def _zip() -> list[bytes]:
    found = []
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", packing) as archive:
            for number in range(3):
                archive.writestr(f"case/PATIENT_DICOM/image_{number}", bytes(range(200)) * 3)
        found.append(buffer.getvalue())
    return found


def _tar(pack: Callable[[bytes], bytes]) -> Callable[[], list[bytes]]:
    def make() -> list[bytes]:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:") as archive:
            for number in range(3):
                content = bytes(range(200)) * 3
                member = tarfile.TarInfo(f"case/PATIENT_DICOM/image_{number}" + "x" * 60 * number)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return [pack(buffer.getvalue())]

    return make


def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # tarfile would write the time of day


def _unpack(path: Path) -> None:
    target = path.parent / "unpacked"
    target.mkdir()
    try:
        unpack(path, target, lambda parts: True)
    finally:
        shutil.rmtree(target)
        if {one.name for one in path.parent.iterdir()} - {path.name}:
            raise AssertionError("something was written outside the target")


READERS = [
    Reader("zip", "a.zip", _zip, _unpack),
    Reader("tar", "a.tar", _tar(bytes), _unpack),
    Reader("tar.gz", "a.tar.gz", _tar(_gzipped), _unpack),
    Reader("tar.xz", "a.tar.xz", _tar(lzma.compress), _unpack),
]

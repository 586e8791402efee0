"""An image in a zip or tar archive, as hospitals hand DICOM series out: unpacked while it is read, and gone after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ramify.data.archives import archive_name, unpack
from ramify.data.dicom import holds_series
from ramify.data.file_names import volume_files
from ramify.disk.system_files import is_left_by_system
from ramify.processes.temporary import temporary_folder

IRCADB_IMAGE_FOLDER = "PATIENT_DICOM"
_SHOWN = 5


def archives_in(folder: Path) -> list[Path]:
    """The archives in a folder (not in its sub-folders), sorted by name."""
    return sorted(
        path for path in folder.iterdir() if archive_name(path) and not is_left_by_system(path) and path.is_file()
    )


def images_in(folder: Path) -> Iterator[Path]:
    """Folders of DICOM slices and volume files, however deep; looked for as they are asked for."""
    for place, folders, _ in os.walk(folder):
        folders.sort()
        yield from [Path(place)] if holds_series(Path(place)) else volume_files(Path(place))


@contextmanager
def image_at(path: Path) -> Iterator[Path]:
    """The file or DICOM folder itself; of an archive, the one image in it, unpacked for as long as the context lasts.

    Of a patient of 3D-IRCADb, that is PATIENT_DICOM, packed once more or not. Errors name places in the archive, not
    where they were unpacked to.

    Raises ValueError that names the archive: no image in it, several, damaged, or too large (see data/archives.py).
    """
    if path.is_dir() or archive_name(path) is None:
        yield path
        return
    with temporary_folder("archive") as temporary:
        try:
            yield _only_image(path, temporary)
        except ValueError as error:
            raise ValueError(
                str(error).replace(f"{temporary}/", f"{path}/").replace(str(temporary), str(path))
            ) from None


def _only_image(archive: Path, target: Path) -> Path:
    """Unpack an archive, and the one of 3D-IRCADb's image in it; where the image is."""
    unpack(archive, target, lambda parts: not any(is_left_by_system(Path(part)) for part in parts))
    for inner in sorted(target.rglob(f"{IRCADB_IMAGE_FOLDER}.*")):
        if archive_name(inner) == IRCADB_IMAGE_FOLDER:
            unpack(inner, inner.parent / IRCADB_IMAGE_FOLDER, lambda parts: True)
    found = [*images_in(target)]
    of_patient = [image for image in found if IRCADB_IMAGE_FOLDER in image.relative_to(target).parts]
    match of_patient or found:
        case [image]:
            return image
        case []:
            raise ValueError(f"{archive}: holds no DICOM series and no volume file; unpack it, and give what is meant")
        case several:
            told = ", ".join(str(one.relative_to(target)) for one in several[:_SHOWN])
            more = ", ..." if len(several) > _SHOWN else ""
            raise ValueError(
                f"{archive}: holds {len(several)} images ({told}{more}); unpack it, and give the one that is meant"
            )

"""Where the slices of a case of 3D-IRCADb are: in its folders, or in archives, unpacked as far as they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ramify.data.archived_image import IRCADB_IMAGE_FOLDER
from ramify.data.archives import archive_name, unpack
from ramify.disk.system_files import is_left_by_system

LAYOUT = "3Dircadb1.N folders or archives, each with PATIENT_DICOM and MASKS_DICOM"
IMAGE, MASKS = IRCADB_IMAGE_FOLDER, "MASKS_DICOM"


class Folders:
    """Where the slices of a case are: in its own folder, or unpacked from its archives as far as they are wanted.

    image: folder of the CT. structures: structure -> folder, those of a known group. seen: names of all structures.
    """

    def __init__(self, place: Path, temporary: Path, is_wanted: Callable[[str], bool]) -> None:
        self._temporary = temporary
        self._is_wanted = is_wanted
        self._unpacked: dict[Path, Path] = {}
        self.seen: set[str] = set()
        base = _base_of(place if place.is_dir() else self._unpack(place, ()))
        self.image = self._folder(base, IMAGE)
        masks = self._folder(base, MASKS)
        names = {archive_name(path) or path.name for path in masks.iterdir() if not is_left_by_system(path)}
        self.seen |= names
        self.structures = {name: self._folder(masks, name) for name in sorted(names) if is_wanted(name)}

    def as_shipped(self, message: str) -> str:
        """The message with paths in the archives in place of those in the temporary folder, which will be gone."""
        for archive, target in reversed(self._unpacked.items()):
            message = message.replace(str(target), str(archive))
        return message

    def _folder(self, base: Path, name: str) -> Path:
        folder = base / name
        if not folder.is_dir():
            if not (base / f"{name}.zip").is_file():
                raise ValueError(f"{base}: holds no {name} (folder or zip); expected {LAYOUT}")
            folder = self._unpack(base / f"{name}.zip", (MASKS, name) if base.name == MASKS else (name,))
        return folder / name if (folder / name).is_dir() else folder

    def _unpack(self, archive: Path, inside: tuple[str, ...]) -> Path:
        target = self._temporary / str(len(self._unpacked)) / (inside[-1] if inside else "case")
        self._unpacked[archive] = target
        target.mkdir(parents=True)
        unpack(archive, target, lambda parts: self._wanted((*inside, *parts)))
        return target

    def _wanted(self, parts: Sequence[str]) -> bool:
        if any(is_left_by_system(Path(part)) for part in parts):
            return False
        stems = [part.removesuffix(".zip") for part in parts]
        if IMAGE in stems:
            return True
        if MASKS not in stems:
            return False
        after = stems[len(stems) - stems[::-1].index(MASKS) :]
        if not after:
            return True
        self.seen.add(after[0])
        return self._is_wanted(after[0])


def _base_of(folder: Path) -> Path:
    """The folder that holds PATIENT_DICOM: the given one or one of those inside it."""
    bases = [folder, *sorted(folder.glob("*/")), *sorted(folder.glob("*/*/"))]
    return next((one for one in bases if _has(one, IMAGE)), folder)


def shipped(place: Path, is_wanted: Callable[[str], bool]) -> list[Path]:
    """The folders or archives of the image and of every structure that is wanted, as they ship."""
    if place.is_file():
        return [place]
    base = _base_of(place)
    masks = base / MASKS
    if not masks.is_dir():
        return [_folder_or_zip(base, IMAGE), _folder_or_zip(base, MASKS)]
    names = sorted({archive_name(path) or path.name for path in masks.iterdir() if not is_left_by_system(path)})
    return [_folder_or_zip(base, IMAGE), *(_folder_or_zip(masks, name) for name in names if is_wanted(name))]


def _folder_or_zip(base: Path, name: str) -> Path:
    return base / name if (base / name).is_dir() else base / f"{name}.zip"


def holds_case(path: Path) -> bool:
    """Whether a folder or archive is a case, by its name and what it holds."""
    if path.is_dir():
        return _has(path, IMAGE) or any(_has(one, IMAGE) for one in path.glob("3Dircadb*/") if path.name == one.name)
    return archive_name(path) is not None and path.name.startswith("3Dircadb")


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or (folder / f"{name}.zip").is_file()

"""What predict.py is given: one CT as a file or DICOM folder, or a folder of CTs, and the organ masks beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ramify.data.archived_image import IRCADB_IMAGE_FOLDER, archives_in, images_in
from ramify.data.archives import archive_name
from ramify.data.case_paths import CASE, is_of_each_case, path_of_case
from ramify.data.channel_files import Channels, InputCase, beside, cases_of_files
from ramify.data.dicom import holds_series
from ramify.data.file_names import array_suffix, file_of, natural_order, split_key, volume_files
from ramify.data.files import form_of
from ramify.data.image_source import ImageSource
from ramify.data.label_names import description_beside
from ramify.data.labelled_file import LabelledFile
from ramify.data.mask_of_case import none_of_that_name, organ_of
from ramify.data.organ_labels import OPTION, organ_mask, vessels_by_training
from ramify.data.raw_case import place_mask
from ramify.data.volume import Volume
from ramify.disk.ledger import MARK
from ramify.disk.system_files import is_left_by_system


def find_inputs(path: Path, channels: Channels | None = None) -> list[InputCase]:
    """The CTs that a path means: a file, a DICOM folder, a folder of volume files, or one of patients, each a DICOM
    folder, with a PATIENT_DICOM in it, or an archive of one; hidden files are none.

    A folder PATIENT_DICOM (3D-IRCADb's) is called after its parent. Only with channels of nnU-Net's layout is
    CASE_0000.nii.gz case CASE. Files of arrays in a folder are taken where the training's were such.

    Raises:
        FileNotFoundError: nothing there, or an empty folder.
        ValueError: a file in no form that is read, two files of one case, or a number at the end of a name that is no
            channel of the training's.
    """
    channels = channels or Channels()
    if not file_of(path).exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if not path.is_dir() and (name := archive_name(path)):
        return [InputCase(name, path)]
    if not path.is_dir():
        form_of(path)
    files = _files(path, channels)
    if not files:
        if all(map(is_left_by_system, path.iterdir())):
            raise FileNotFoundError(f"{path}: the folder is empty; expected volumes or the slices of a DICOM series")
        if patients := _patients(path):
            return patients
        folder = path.resolve()
        named_after = folder.parent if folder.name == IRCADB_IMAGE_FOLDER else folder
        return [InputCase(named_after.name, path)]
    cases = cases_of_files(files, channels)
    names = [case.case_id for case in cases]
    twice = next((case for case in cases if names.count(case.case_id) > 1), None)
    if twice:
        raise ValueError(f"{path}: several files of case {twice.case_id}, such as {twice.path.name}; keep one of them")
    return cases


def name_taken(path: Path, cases: Sequence[InputCase]) -> str:
    """What to say where a DICOM folder's case, and so its mask, is not called as the folder that was given.

    cases: what `find_inputs` makes of the path.
    """
    one_series = path.is_dir() and len(cases) == 1 and cases[0].path in (path, path / IRCADB_IMAGE_FOLDER)
    if not one_series or path.name == cases[0].case_id:
        return ""
    return f"{path}: the case is called {cases[0].case_id}, after the patient's folder"


def _files(path: Path, channels: Channels) -> list[Path]:
    if not path.is_dir():
        return [path] if split_key(path)[1] else beside(path, channels)
    arrays = [file for file in path.iterdir() if channels.key and array_suffix(file) and file.is_file()]
    return sorted([*volume_files(path), *arrays])


def _patients(path: Path) -> list[InputCase]:
    """The patients in a folder, or the one whose folder it is; none where it holds slices itself."""
    if holds_series(path):
        return []
    if image := _ircadb_image(path):
        return [InputCase(path.resolve().name, image)]
    found: dict[str, Path] = {}
    for folder in (child for child in path.iterdir() if child.is_dir()):
        image = _ircadb_image(folder) or (folder if holds_series(folder) else None)
        if image:
            found[folder.name] = image
    for archive in archives_in(path):
        found.setdefault(archive_name(archive) or archive.name, archive)
    return [InputCase(name, found[name]) for name in sorted(found, key=natural_order)]


def _ircadb_image(folder: Path) -> Path | None:
    """The CT in a patient's folder of 3D-IRCADb, as a folder or packed."""
    image = folder / IRCADB_IMAGE_FOLDER
    packed = folder / f"{IRCADB_IMAGE_FOLDER}.zip"
    return image if image.is_dir() else packed if packed.is_file() else None


def folders_left_out(path: Path, cases: Sequence[InputCase], organ: Path | None) -> list[Path]:
    """Folders with images beside the cases of a folder, which are no cases: patients with folders of studies or with
    volume files, patients beside volume files. The organs' folder and what Ramify wrote are none."""
    if not path.is_dir() or any(case.path in (path, path / IRCADB_IMAGE_FOLDER) for case in cases):
        return []
    places = [place.resolve() for place in (*(case.path for case in cases), *organ_paths(organ, cases))]
    used = {one for place in places for one in (place, *place.parents)}
    beside = sorted((child for child in path.iterdir() if child.is_dir()), key=lambda one: natural_order(one.name))
    return [
        folder
        for folder in beside
        if not (folder.name.startswith(".") or folder.resolve() in used or (folder / MARK).exists())
        and any(images_in(folder))
    ]


def organ_paths(organ: Path | None, cases: Sequence[InputCase]) -> list[Path]:
    """Where the organ masks of cases are: a file or folder of all, or by {case} one of each."""
    if organ is None:
        return []
    return [path_of_case(organ, case.case_id) for case in cases] if is_of_each_case(organ) else [organ]


def check_organ_of_each(organ: Path | None, cases: Sequence[InputCase]) -> None:
    """Raise ValueError where several images would share one organ mask: it is the organ of one patient."""
    if is_of_each_case(organ):
        return
    if organ is not None and len(cases) > 1 and not (organ.is_dir() and volume_files(organ)):
        raise ValueError(
            f"--organ {organ}: one mask for {len(cases)} images, {cases[0].case_id}, {cases[1].case_id}, ...; give a "
            f"folder with one mask a case, named as the images, or a path with {CASE} in it"
        )


def organ_file(organ: Path, case: InputCase) -> Path:
    """The file or DICOM folder of a case's organ mask, by --organ; raises as `read_organ` where there is none."""
    path = path_of_case(organ, case.case_id)
    if not file_of(path).exists() and is_of_each_case(organ):
        raise FileNotFoundError(none_of_that_name("organ mask", case.case_id, organ, "--organ"))
    return organ_of(path, case.case_id, case.path, "--organ") if path.is_dir() and volume_files(path) else path


def organ_files(organ: Path | None, case: InputCase) -> list[Path]:
    """What `read_organ` reads of a case: its mask, and what its labels are called by; raises as it does."""
    if organ is None:
        return []
    mask = organ_file(organ, case)
    description = description_beside(mask)
    return [mask] if description is None else [mask, description]


def read_organ(
    path: Path | None,
    case: InputCase,
    image: Volume,
    *,
    resample: bool,
    labels: Sequence[str] = (),
    spacing_of: Callable[[Path], Sequence[float] | None] = lambda path: None,
    training: ImageSource | None = None,
) -> Volume | None:
    """The organ mask of a case on its image's grid, from a file, a DICOM folder, or a folder with one mask a case.

    Args:
        path: file or folder, with {case} where the case's name goes, or None for no organ mask.
        case: whose mask.
        image: its CT.
        resample: bring a mask on another grid onto the image's, in physical space.
        labels: which labels of a label map, or segments of a Slicer file, are the organ; none for a plain mask.
        spacing_of: the spacing (z, y, x) that goes in place of a file's own, None for its own.
        training: what its images were, if it is for a network; vessels of the same label map are part of the organ.

    Raises:
        FileNotFoundError: the folder has no mask of that case.
        ValueError: not a mask, empty, or it lies elsewhere than the image.
    """
    if path is None:
        return None
    source = organ_file(path, case)
    file = LabelledFile(source, spacing_of(source))
    inside, note = (None, "") if training is None else vessels_by_training(file, labels, training)
    mask = organ_mask(file, labels, inside)
    if note:
        mask = replace(mask, notes=(*mask.notes, note))
    if not mask.array.any():
        why = "".join(f" ({note})" for note in mask.notes)
        raise ValueError(f"{source}: the organ mask is empty{why}; mend it, choose with {OPTION}, or leave it out")
    return place_mask(mask, image, str(source), resample)

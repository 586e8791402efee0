"""What predict.py is given: one CT as a file or DICOM folder, or a folder of CTs, and the organ masks beside them."""

from dataclasses import dataclass
from pathlib import Path

from data.files import as_mask, case_name, read_image_or_series, volume_suffix
from data.raw_case import place_mask
from data.volume import Volume

NNUNET_CHANNEL = "_0000"
IRCADB_IMAGE_FOLDER = "PATIENT_DICOM"


@dataclass(frozen=True)
class InputCase:
    """One CT to segment and what to call it."""

    case_id: str
    path: Path


def find_inputs(path: Path) -> list[InputCase]:
    """The CTs that a path means: a file, a DICOM folder, or a folder of volume files.

    CASE_0000.nii.gz (nnU-Net's form) is case CASE; a folder PATIENT_DICOM (3D-IRCADb's) is called after its parent.

    Raises:
        FileNotFoundError: nothing there, or an empty folder.
        ValueError: two files of one case.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    files = sorted(child for child in path.iterdir() if volume_suffix(child)) if path.is_dir() else [path]
    if not files:
        if not any(path.iterdir()):
            raise FileNotFoundError(f"{path}: the folder is empty; expected volumes or the slices of a DICOM series")
        folder = path.resolve()
        named_after = folder.parent if folder.name == IRCADB_IMAGE_FOLDER else folder
        return [InputCase(named_after.name, path)]
    cases = [InputCase(case_name(file).removesuffix(NNUNET_CHANNEL), file) for file in files]
    names = [case.case_id for case in cases]
    twice = next((case for case in cases if names.count(case.case_id) > 1), None)
    if twice:
        raise ValueError(f"{path}: several files of case {twice.case_id}, such as {twice.path.name}; keep one of them")
    return cases


def read_organ(path: Path | None, case: InputCase, image: Volume, *, resample: bool) -> Volume | None:
    """The organ mask of a case on its image's grid, from a file, a DICOM folder, or a folder with one mask a case.

    Args:
        path: file or folder, or None for no organ mask.
        case: whose mask.
        image: its CT.
        resample: bring a mask on another grid onto the image's, in physical space.

    Raises:
        FileNotFoundError: the folder has no mask of that case.
        ValueError: not a mask, or it lies elsewhere than the image.
    """
    if path is None:
        return None
    source = path
    if path.is_dir() and (files := [child for child in path.iterdir() if volume_suffix(child)]):
        named = {case_name(file).removesuffix(NNUNET_CHANNEL): file for file in files}
        if case.case_id not in named:
            raise FileNotFoundError(f"{path}: no organ mask called {case.case_id}; it holds {', '.join(sorted(named))}")
        source = named[case.case_id]
    volume = read_image_or_series(source)
    mask = volume.with_array(as_mask(volume.array, str(source)))
    return place_mask(mask, image, str(source), resample)

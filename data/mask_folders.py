"""Folders and patterns with one mask a case: which file belongs to which case."""

import glob
from collections.abc import Mapping
from pathlib import Path

from ramify.data.case_paths import CASE, folder_of_cases, is_of_each_case, paths_of_cases
from ramify.data.dicom import described_series, holds_series
from ramify.data.file_names import (
    array_suffix,
    case_name,
    is_volume_file,
    split_key,
    volume_files,
    volume_suffix,
    with_key,
)
from ramify.disk.system_files import is_left_by_system

MASK_SUFFIX = "_mask"
PROBABILITIES_SUFFIX = "_probabilities"
UNCERTAINTY_SUFFIX = "_uncertainty"
VESSEL_SUFFIX = "_vessel"
ORGAN_SUFFIXES = ("_liver", "_organ")
_MAPS = (PROBABILITIES_SUFFIX, UNCERTAINTY_SUFFIX)
_PATTERN = ("*", "?", "[")
_SHOWN = 8


def mask_case(path: Path, name_suffix: str = "") -> str | None:
    """The case a file's mask belongs to, None for a file that is no mask of a case.

    name_suffix: what the file's name must end in, with .nii.gz and the like or before it; it is no part of the case's
    name. Without one a final `_mask` is left off, and `_probabilities`, `_uncertainty` and hidden files are none.
    """
    if volume_suffix(path) is None or is_left_by_system(path):
        return None
    name = case_name(path)
    if name_suffix:
        # CASE.seg.nrrd is of case CASE, with the suffix .seg as well as with none.
        ends = next(
            (one for one in (name, path.stem, path.name) if one.endswith(name_suffix) and one != name_suffix), None
        )
        return None if ends is None else ends.removesuffix(name_suffix)
    if name.endswith(_MAPS):
        return None
    return name.removesuffix(MASK_SUFFIX) or name


def masks_by_case(folder: Path, name_suffix: str = "") -> dict[str, list[Path]]:
    """Every mask file of a folder (not of its sub-folders) under its case's name; two files may claim one case.

    Raises FileNotFoundError or NotADirectoryError, as the system words it.
    """
    found: dict[str, list[Path]] = {}
    for path in volume_files(folder):
        case = mask_case(path, name_suffix)
        if case is not None:
            found.setdefault(case, []).append(path)
    return found


def masks_by_path(pattern: Path, option: str) -> dict[str, list[Path]]:
    """Every mask that a path with {case} means, a file or a DICOM folder, under its case's name.

    Args:
        pattern: the path; an array of an HDF5 or NumPy file is named behind it. Where {case}.nii.gz also fits
            CASE_probabilities and CASE_uncertainty, these are none.
        option: where it was given, for errors.

    Raises FileNotFoundError for a folder that is not there, ValueError where no mask fits.
    """
    file, key = split_key(pattern)
    folder = folder_of_cases(file)
    if not folder.is_dir():
        raise FileNotFoundError(f"{option} {pattern}: no such folder as {folder}")
    found: dict[str, list[Path]] = {}
    for case, path in paths_of_cases(file):
        if _is_mask(path) and not case.endswith(_MAPS):
            found.setdefault(case, []).append(with_key(path, key))
    if not found:
        names = sorted(entry.name for entry in folder.iterdir() if not is_left_by_system(entry))
        listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        raise ValueError(
            f"{option} {pattern}: no file or DICOM folder is called so, whatever stands for {CASE}; {folder} holds "
            f"{listed or 'nothing'}"
        )
    return found


def _is_mask(path: Path) -> bool:
    if path.is_dir():
        return holds_series(path)
    return (volume_suffix(path) or array_suffix(path)) is not None


def vessel_masks(source: Path, name_suffix: str = "") -> dict[str, Path]:
    """The vessel mask of each case in a folder, or among the files of a pattern such as 'masks/*_vessel.nii.gz'.

    name_suffix: as `mask_case` has it. Without one a final `_vessel` is left off, too, and organ masks (CASE_liver),
    CASE_probabilities and CASE_uncertainty are none.

    Raises FileNotFoundError: no such folder. ValueError: no mask in it, or two of one case.
    """
    if source.is_dir():
        files = volume_files(source)
    elif any(sign in str(source) for sign in _PATTERN):
        files = [path for path in sorted(map(Path, glob.glob(str(source)))) if is_volume_file(path)]
    else:
        raise FileNotFoundError(f"{source}: no such file or folder; expected a folder with vessel masks")
    masks: dict[str, Path] = {}
    for path in files:
        case = mask_case(path, name_suffix)
        if not name_suffix and case is not None:
            case = None if case.lower().endswith(ORGAN_SUFFIXES) else case.removesuffix(VESSEL_SUFFIX) or case
        if case is None:
            continue
        if case in masks:
            raise ValueError(f"{source}: {masks[case].name} and {path.name} are both of case {case}; keep one")
        masks[case] = path
    if not masks:
        ending = f" whose name ends in {name_suffix}" if name_suffix else ""
        raise ValueError(f"{source}: holds no vessel mask{ending} (NIfTI, NRRD, MetaImage, TIFF, PNG or the like)")
    return masks


def match_masks(sources: Mapping[str, tuple[Path, str]], required: tuple[str, ...]) -> dict[str, dict[str, list[Path]]]:
    """Files of each case in each role, from folders and paths with {case} that meet by case name, or one file a role.

    sources: role -> (folder, file or path with {case}, the suffix that names in a folder end in).
    required: the roles that make a case: one found in any of them is listed, with an empty list where a role lacks it.

    Single files need no common name: the case takes that of the first role. A folder with one DICOM series is a file in
    this respect. Raises FileNotFoundError for a path that
    is not there, ValueError for files and folders mixed, or no mask at all.
    """
    by_path = {role: source for role, (source, _) in sources.items() if is_of_each_case(source)}
    for role, (source, _) in sources.items():
        if role not in by_path and not source.exists():
            raise FileNotFoundError(f"--{role} {source}: no such file or folder")
    files = {
        role: source
        for role, (source, _) in sources.items()
        if role not in by_path and (source.is_file() or holds_series(source))
    }
    if len(files) == len(sources):
        first, suffix = next(iter(sources.values()))
        return {mask_case(first, suffix) or case_name(first): {role: [path] for role, path in files.items()}}
    if files:
        for role, (source, _) in sources.items():
            if role not in files and role not in by_path and (inside := described_series(source)):
                raise ValueError(f"--{role} {source}: no mask; {inside}")
        role, path = next(iter(files.items()))
        raise ValueError(
            f"--{role} {path}: a file where the others are of many cases; give one kind, a file each, or folders and "
            f"paths with {CASE}"
        )
    found = {
        role: masks_by_path(source, f"--{role}") if role in by_path else masks_by_case(source, end)
        for role, (source, end) in sources.items()
    }
    cases = sorted({case for role in required for case in found[role]})
    if not cases:
        folders = ", ".join(f"--{role} {sources[role][0]}" for role in required)
        raise ValueError(f"{folders}: no mask files in there; expected CASE.nii.gz or another volume form")
    return {case: {role: by_case.get(case, []) for role, by_case in found.items()} for case in cases}

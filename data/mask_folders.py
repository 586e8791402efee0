"""Folders and patterns with one mask a case: which file belongs to which case."""

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path

from ramify.data.dicom import holds_series
from ramify.data.file_names import case_name, is_volume_file, volume_files, volume_suffix
from ramify.data.near_names import partner_of, told
from ramify.disk.system_files import is_left_by_system

MASK_SUFFIX = "_mask"
PROBABILITIES_SUFFIX = "_probabilities"
UNCERTAINTY_SUFFIX = "_uncertainty"
VESSEL_SUFFIX = "_vessel"
ORGAN_SUFFIXES = ("_liver", "_organ")
_PATTERN = ("*", "?", "[")
_SHOWN = 8


def mask_case(path: Path, name_suffix: str = "") -> str | None:
    """The case a file's mask belongs to, None for a file that is no mask of a case.

    name_suffix: what the file's name must end in, before .nii.gz and the like; it is no part of the case's name.
    Without one a final `_mask` is left off, and `_probabilities`, `_uncertainty` and hidden files are none.
    """
    if volume_suffix(path) is None or is_left_by_system(path):
        return None
    name = case_name(path)
    if name_suffix:
        # CASE.seg.nrrd is of case CASE, with the suffix .seg as well as with none.
        ends = next((one for one in (name, path.stem) if one.endswith(name_suffix) and one != name_suffix), None)
        return None if ends is None else ends.removesuffix(name_suffix)
    if name.endswith((PROBABILITIES_SUFFIX, UNCERTAINTY_SUFFIX)):
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
    """Files of each case in each role, from folders that meet by case name or from one file a role.

    sources: role -> (folder or file, the suffix its names end in).
    required: the roles that make a case: one found in any of them is listed, with an empty list where a role lacks it.

    Single files need no common name: the case takes that of the first role. A folder with one DICOM series is a file in
    this respect. Raises FileNotFoundError for a path that
    is not there, ValueError for files and folders mixed, or no mask at all.
    """
    for role, (source, _) in sources.items():
        if not source.exists():
            raise FileNotFoundError(f"--{role} {source}: no such file or folder")
    files = {role: source for role, (source, _) in sources.items() if source.is_file() or holds_series(source)}
    if len(files) == len(sources):
        first, suffix = next(iter(sources.values()))
        return {mask_case(first, suffix) or case_name(first): {role: [path] for role, path in files.items()}}
    if files:
        role, path = next(iter(files.items()))
        raise ValueError(f"--{role} {path}: a file where the others are folders; give one kind, files or folders")
    found = {role: masks_by_case(*source) for role, source in sources.items()}
    cases = sorted({case for role in required for case in found[role]})
    if not cases:
        folders = ", ".join(f"--{role} {sources[role][0]}" for role in required)
        raise ValueError(f"{folders}: no mask files in there; expected CASE.nii.gz or another volume form")
    return {case: {role: by_case.get(case, []) for role, by_case in found.items()} for case in cases}


def organ_of(folder: Path, case_id: str, image: Path, option: str = "") -> Path:
    """The file in a folder of organ masks that is called as a case, or as the file of its image.

    option: where a path with {case} in it may be given in place of the folder, for errors; empty for nowhere.

    Raises FileNotFoundError where there is none, ValueError where there are two.
    """
    files = volume_files(folder)
    found = [file for file in files if case_name(file) in (case_id, case_name(image))]
    if not found:
        names = sorted(map(case_name, files))
        listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        if (near := partner_of(case_id, names)) is not None:
            file = next(file for file in files if case_name(file) == near)
            pattern = folder / file.name.replace(case_id, "{case}", 1)
            remedy = f"give {option} '{pattern}'" if option and case_id in near else "call both alike"
            raise FileNotFoundError(
                f"{folder}: no organ mask called {case_id}, but {file.name} {told(case_id, near)}; {remedy}"
            )
        raise FileNotFoundError(f"{folder}: no organ mask called {case_id}; it holds {listed or 'none'}")
    if len(found) > 1:
        raise ValueError(f"{folder}: {found[0].name} and {found[1].name} are both of case {case_id}; keep one")
    return found[0]


def only_file(files: Sequence[Path], role: str, source: Path) -> Path:
    """The one file a case has in a role; ValueError where there is none, or more than one."""
    if not files:
        raise ValueError(f"no {role} of that name in {source}; if its names end otherwise, give --{role}-suffix")
    if len(files) > 1:
        raise ValueError(f"{len(files)} files for its {role} ({', '.join(path.name for path in files)}); keep one")
    return files[0]

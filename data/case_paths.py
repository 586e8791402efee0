"""Paths with {case} where the name of a case goes: one path a case, such as PATIENTS/{case}/MASKS_DICOM/liver."""

import re
from pathlib import Path

from ramify.data.file_names import case_name, file_of, one_spelling, spellings
from ramify.disk.system_files import is_left_by_system

CASE = "{case}"
"""What stands for the name of a case in a path or pattern."""


def is_of_each_case(path: Path | None) -> bool:
    """Whether a path has {case} in it."""
    return CASE in str(path)


def path_of_case(pattern: Path, case_id: str) -> Path:
    """The path of a case; where there is such a file, as its system writes accented letters."""
    ways = [Path(str(pattern).replace(CASE, name)) for name in (case_id, *sorted(spellings(case_id)))]
    return next((path for path in ways if file_of(path).exists()), ways[0])


def folder_of_cases(path: Path) -> Path:
    """The folder that has the cases in it: a path with {case} up to there, any other path as it is."""
    return Path(*path.parts[: _place(path)]) if is_of_each_case(path) else path


def what_masks_are_called(path: Path) -> str:
    """A name for the masks that a path gives, one or many: their folder's or the file's, and the folder around it.

    Folders of many networks are called predictions.

    Examples:
        >>> from pathlib import Path
        >>> from ramify.data.case_paths import what_masks_are_called
        >>> what_masks_are_called(Path("runs/plain/masks/{case}_vessel.nii.gz"))
        'plain/masks'
        >>> what_masks_are_called(Path("runs/plain/a.nii.gz"))
        'plain/a'
    """
    place = folder_of_cases(path).resolve()
    return "/".join(name for name in (place.parent.name, case_name(place)) if name)


def paths_of_cases(pattern: Path) -> list[tuple[str, Path]]:
    """Each case that there is by a path with {case}, and its path; sorted, hidden files and folders are none.

    Raises FileNotFoundError for a folder that is not there, as the system words it.
    """
    place, folder = _place(pattern), folder_of_cases(pattern)
    before, *others = map(re.escape, pattern.parts[place].split(CASE))
    name = re.compile(before + "(?P<case>.+)" + "(?P=case)".join(others))
    found = []
    for entry in sorted(path for path in folder.iterdir() if not is_left_by_system(path)):
        if match := name.fullmatch(one_spelling(entry.name)):
            path = path_of_case(entry.joinpath(*pattern.parts[place + 1 :]), match["case"])
            found += [(match["case"], path)] if path.exists() else []
    return found


def _place(pattern: Path) -> int:
    """Which part of a path has {case} first."""
    return next(number for number, part in enumerate(pattern.parts) if CASE in part)

"""The one mask of a case in a folder; where none has its name, which is nearly called so, and how it would be found."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from ramify.data.case_paths import CASE, is_of_each_case, path_of_case
from ramify.data.dicom import described_series
from ramify.data.file_names import case_name, one_spelling, volume_files
from ramify.data.mask_folders import mask_case
from ramify.data.near_names import in_pattern, partner_of, partners, told

_LISTED = 8


def organ_of(folder: Path, case_id: str, image: Path, option: str = "") -> Path:
    """The file in a folder of organ masks that is called as a case, or as the file of its image.

    option: the flag that gave the folder and takes a path with {case}, too, for errors.

    Raises FileNotFoundError where there is none, ValueError where there are two.
    """
    found = [file for file in volume_files(folder) if case_name(file) in (case_id, case_name(image))]
    if not found:
        raise FileNotFoundError(none_of_that_name("organ mask", case_id, folder, option))
    if len(found) > 1:
        raise ValueError(f"{folder}: {found[0].name} and {found[1].name} are both of case {case_id}; keep one")
    return found[0]


def only_file(files: Sequence[Path], role: str, case_id: str, source: Path, suffix: str = "") -> Path:
    """The one file a case has in a role; ValueError where there is none, or more than one.

    source, suffix: where they were looked for, and by which end of their names.
    """
    if not files:
        raise ValueError(none_of_that_name(role, case_id, source, f"--{role}", suffix))
    if len(files) > 1:
        raise ValueError(f"{len(files)} files for its {role} ({', '.join(path.name for path in files)}); keep one")
    return files[0]


def none_of_that_name(what: str, case_id: str, source: Path, option: str = "", suffix: str = "") -> str:
    """A line for a case that has no file of its name; that of another case says the same.

    Args:
        what: of what (`truth`, `organ mask`).
        case_id: name of the case.
        source: where it was looked for: a folder, or a path with {case}.
        option: the flag that gave the folder and takes a path with {case}, too; none where there is no such flag.
        suffix: what its names were said to end in.
    """
    if is_of_each_case(source):
        return f"{path_of_case(source, case_id)}: no such {what}, where {option} has it"
    line = f"{source}: no {what} called {case_id}{suffix}"
    files = [file for file in volume_files(source) if mask_case(file)] if source.is_dir() else []
    if not files and source.is_dir() and (inside := described_series(source)):
        return f"{line}; {inside}"
    instead = f" in place of {option}-suffix" if suffix else ""
    names = [*map(case_name, files)]
    near = partner_of(case_id, names)
    if near is None:
        listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
        give = f"; if its names end otherwise, give {option} a path with {CASE} in it{instead}"
        return f"{line}; it holds {listed or 'none'}{give if option else ''}"
    name = one_spelling(files[names.index(near)].name)
    pattern = in_pattern(case_id, name, str(source / CASE))
    if pattern is None:
        return f"{line}; it holds {name}, which {told(case_id, near)}: call both alike"
    give = f"give {option} {shlex.quote(pattern)}{instead}" if option else "call it as the case"
    return f"{line}; it holds {name}: if that is it, {give}"


def without_halves(
    found: dict[str, dict[str, list[Path]]], required: tuple[str, str]
) -> dict[str, dict[str, list[Path]]]:
    """Cases without those that are another one's missing file by a longer name: `X LABEL`, where X lacks a truth.

    The line of X names that file (`none_of_that_name`). found: case -> role -> files. required: both make a case.
    """
    one, other = ([case for case, files in found.items() if not files[role]] for role in required)
    # Of two that are as long, one stays, too.
    left_out = {max(pair, key=len) for pair in partners(one, other).items()}
    return {case: files for case, files in found.items() if case not in left_out}

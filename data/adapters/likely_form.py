"""Which form of data set a folder seems to be, for who gave another folder or form."""

from __future__ import annotations

from pathlib import Path

from ramify.data.adapters.ircadb_folders import holds_case
from ramify.data.file_names import case_name, volume_files
from ramify.data.image_source import split_channel
from ramify.data.label_names import DESCRIPTION, read_description
from ramify.disk.system_files import is_left_by_system

LABELS_OF_PAIRS = ("labels", "masks")
"""Folders of the labels of plain pairs, the usual one first."""
_PARTS = ("imagesTr", "labelsTr", "imagesTs", "images", "organs", *LABELS_OF_PAIRS)
_MOST_FOLDERS = 200


def likely_form(folder: Path) -> str | None:
    """The form that a folder seems to have, as the setting `dataset` names it; None where it has none.

    Raises OSError for a folder that cannot be read.
    """
    if not folder.is_dir():
        return None
    inside = {child.name for child in folder.iterdir() if child.is_dir() and not is_left_by_system(child)}
    if {"imagesTr", "labelsTr"} <= inside:
        numbered = any(split_channel(case_name(path))[1] is not None for path in volume_files(folder / "imagesTr"))
        return "msd" if _lists_cases(folder) and not numbered else "nnunet"
    if "images" in inside and inside.intersection(LABELS_OF_PAIRS):
        return "pairs"
    return "ircadb" if holds_case(folder) or any(holds_case(folder / name) for name in sorted(inside)) else None


def hint_of_root(root: Path, form: str) -> str:
    """A clause on what a folder is that is no data set of a form, to put behind an error; empty where nobody knows."""
    try:
        found = likely_form(root)
        if found is not None:
            return "" if found == form else f"; it looks like --dataset {found}"
        above = root.resolve().parent
        if root.name in _PARTS and (around := likely_form(above)) is not None:
            other = "" if around == form else f" --dataset {around}"
            return f"; it lies in what looks like the data set: give{other} --root {str(above)!r}"
        inside = sorted(child for child in root.iterdir() if child.is_dir()) if root.is_dir() else []
        forms = {child: likely for child in inside[:_MOST_FOLDERS] if (likely := likely_form(child)) is not None}
    except OSError:
        return ""
    if not forms:
        return ""
    # One that is what was asked for goes before others.
    child = next((child for child, likely in forms.items() if likely == form), next(iter(forms)))
    other = "" if forms[child] == form else f" --dataset {forms[child]}"
    return f"; {child.name} in it looks like the data set: give{other} --root {str(child)!r}"


def _lists_cases(folder: Path) -> bool:
    """Whether its dataset.json lists the files of its cases, as the Decathlon's do."""
    try:
        listed = read_description(folder / DESCRIPTION).get("training")
    except (ValueError, OSError):
        return False
    return isinstance(listed, list) and any(isinstance(entry, dict) and "image" in entry for entry in listed)

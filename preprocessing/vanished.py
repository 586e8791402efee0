"""Cases of a store that its data set no longer has: told, and dropped on request alone."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from data import own_files
from data.case_store import CASE_FILE, list_cases, read_case
from data.folds import SPLITS_FILE, Fold
from data.json_files import read_json, write_json
from data.store_writers import remove
from data.whole_files import write_whole
from preprocessing.case_pool import FIGURES_FOLDER
from preprocessing.freshness import SOURCES_FILE


def vanished_cases(store: Path, case_ids: Collection[str]) -> list[str]:
    """Cases in the store that are not among those of the data set, sorted."""
    return sorted(set(list_cases(store)) - set(case_ids))


def drop_cases(store: Path, gone: Sequence[str]) -> list[str]:
    """Take cases out of the store and of its splits; a line for each thing that was done.

    The splits as they were are kept under another name, and so is a case's folder that holds more than its case.

    Raises ValueError, before anything is changed, where a fold would have no case left on one side.
    """
    told = _drop_from_splits(store / SPLITS_FILE, set(gone))
    for case_id in gone:
        folder = store / case_id
        if _holds_the_case_alone(store, case_id):
            remove(folder)
            told.append(f"{case_id}: dropped")
        else:
            kept = free_name(store / f".dropped-{case_id}")
            os.replace(folder, kept)
            told.append(f"{case_id}: dropped; its folder holds more than the case and is now {kept}")
        own_files.remove(store / FIGURES_FOLDER / f"{case_id}.png")
    return told


def free_name(path: Path) -> Path:
    """The path, or with the first number behind it that is free."""
    number, free = 1, path
    while os.path.lexists(free):
        number, free = number + 1, path.with_name(f"{path.name}.{number}")
    return free


def _drop_from_splits(path: Path, gone: set[str]) -> list[str]:
    if not path.is_file():
        return []
    splits: list[Fold] = read_json(path)
    left = [{side: [case for case in cases if case not in gone] for side, cases in fold.items()} for fold in splits]
    if left == splits:
        return []
    for number, fold in enumerate(left):
        if empty := [side for side, cases in fold.items() if not cases]:
            raise ValueError(
                f'{path}: without {", ".join(sorted(gone))}, "{empty[0]}" of fold {number} names no case; '
                "remove the file to part the cases anew"
            )
    kept = free_name(path.with_name(f"{path.name}.before"))
    write_whole(kept, path.read_bytes())
    own_files.adopt(path)
    write_json(path, left)
    return [f"{path}: without {', '.join(sorted(gone))}; as it was: {kept}"]


def _holds_the_case_alone(store: Path, case_id: str) -> bool:
    try:
        arrays = read_case(store, case_id).known.arrays
    except ValueError:
        return False
    ours = {CASE_FILE, SOURCES_FILE, *(f"{name}.npy" for name in arrays)}
    return {path.name for path in (store / case_id).iterdir()} <= ours

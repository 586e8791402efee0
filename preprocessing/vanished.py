"""Cases of a store that its data set no longer has: told, and dropped on request alone."""

from collections.abc import Collection, Sequence
from pathlib import Path

from ramify.data.case_store import CASE_FILE, list_cases
from ramify.data.folds import SPLITS_FILE, Fold
from ramify.disk.json_files import read_json, write_json
from ramify.disk.own_files import remove, set_aside, set_aside_if_changed
from ramify.preprocessing.case_pool import FIGURES_FOLDER
from ramify.preprocessing.drawn_masks import remove_masks
from ramify.preprocessing.freshness import SOURCES_FILE


def vanished_cases(store: Path, case_ids: Collection[str]) -> list[str]:
    """Cases in the store that are not among those of the data set, sorted."""
    return sorted(set(list_cases(store)) - set(case_ids))


def drop_cases(store: Path, gone: Sequence[str]) -> list[str]:
    """Take cases out of the store and of its splits; a line for each thing that was done.

    The splits as they were are kept under another name, and so are files of the case that were changed by hand; further
    files in its folder stay.

    Raises ValueError, before anything is changed, where a fold would have no case left on one side.
    """
    told = _drop_from_splits(store / SPLITS_FILE, set(gone))
    for case_id in gone:
        folder = store / case_id
        for path in sorted(folder.iterdir()):
            if path.name in (CASE_FILE, SOURCES_FILE) or path.suffix == ".npy":
                set_aside_if_changed(path)
                remove(path)
        remove(store / FIGURES_FOLDER / f"{case_id}.png")
        remove_masks(store, case_id)
        left = sorted(path.name for path in folder.iterdir())
        if not left:
            folder.rmdir()
        told.append(f"{case_id}: dropped" + (f"; {', '.join(left)} stays in {folder}" if left else ""))
    return told


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
    kept = set_aside(path)
    write_json(path, left)
    return [f"{path}: without {', '.join(sorted(gone))}; as it was: {kept}"]

"""Which fold holds out a case, where results do not tell which cases share a network."""

from pathlib import Path

from ramify.data.folds import check_splits
from ramify.disk.json_files import read_json


def read_fold_of(path: Path) -> dict[str, str]:
    """Case id -> name of the fold that holds it out, from a `splits_final.json`: [{"train": [...], "val": [...]}, ...].

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, of another form, a single fold, a test set, or a case that two folds hold out.
    """
    splits = read_json(path)
    folds = splits if isinstance(splits, list) else []
    sides = [side for fold in folds if isinstance(fold, dict) for side in fold.values() if isinstance(side, list)]
    named = {case for side in sides for case in side if isinstance(case, str)}
    checked = check_splits(splits, {case: case for case in named}, str(path))
    if any("test" in fold for fold in checked):
        raise ValueError(
            f"{path}: has a test set, which the networks of every fold are scored on; give each name the files of its "
            "networks, and leave --folds out"
        )
    if len(checked) < 2:
        raise ValueError(f"{path}: expected at least two folds, got one; a single fold tells no cases apart")
    fold_of: dict[str, str] = {}
    for number, fold in enumerate(checked):
        for case_id in fold["val"]:
            if case_id in fold_of:
                twice = f"{fold_of[case_id]} and by fold {number}"
                raise ValueError(f"{path}: {case_id} is held out by {twice}; expected one fold for it")
            fold_of[case_id] = f"fold {number}"
    return fold_of

"""Which cases train, validate and test: folds by patient, kept in `splits_final.json` in nnU-Net's form.

[{"train": ["case", ...], "val": ["case", ...]}, ...]     one entry a fold

A fold may have a third side, "test": cases that no training of the fold looks at, to be scored when it is over. Without
one, the validation cases are what is scored.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field, field_validator

from ramify.data.case_store import open_store, read_record
from ramify.disk.json_files import read_json, write_json
from ramify.essential import Essential

SPLITS_FILE = "splits_final.json"
Fold = dict[str, list[str]]
"""{"train": case ids, "val": case ids}, and where there is a test set "test": case ids; each sorted."""
_DOES = {"train": "train", "val": "validate", "test": "test"}
"""What the cases of a side are there for, in words."""


class FoldSettings(BaseModel, frozen=True, extra="forbid"):
    """How cases are parted into folds."""

    test: str = ""
    """Regular expression of whole case ids, such as `0\\d|1\\d|20`: cases held out of every fold as its test set. None:
    there is no test set."""
    folds: Essential[int] = Field(5, ge=2)
    """Number of folds that the other cases are parted into; every patient validates in exactly one."""
    seed: int = Field(0, ge=0)
    """Seed of the shuffling."""

    @field_validator("test")
    @classmethod
    def _is_expression(cls, test: str) -> str:
        try:
            re.compile(test)
        except re.error as error:
            raise ValueError(f"expected a regular expression of case ids, got {test!r} ({error})") from None
        return test


def make_folds(
    patient_of: Mapping[str, str], folds: int, seed: int, option: str = "--folds {count}", test: str = ""
) -> list[Fold]:
    """Part the cases into `folds` folds of nearly equal size; all cases of a patient validate in the same one.

    Args:
        patient_of: case id -> patient id. The result depends on the names and the seed, not on their order.
        option: how a number of folds is asked for; {count} stands for it, and {last} for the last of so many.
        test: regular expression of whole case ids that are in no fold's training and validation, but are the test set
            of each; empty for none.

    Raises ValueError for fewer than two folds or more folds than patients, and for a test set without a case or with
    a part of a patient.

    Examples:
        >>> from ramify.data import make_folds
        >>> patient_of = {"a_1": "a", "a_2": "a", "b_1": "b"}  # two scans of patient a
        >>> folds = make_folds(patient_of, folds=2, seed=0)
        >>> sorted(fold["val"] for fold in folds)
        [['a_1', 'a_2'], ['b_1']]
        >>> make_folds({**patient_of, "t_1": "t"}, folds=2, seed=0, test="t_.*")[0]["test"]
        ['t_1']
    """
    tested = held_out_set(patient_of, test) if test else []
    patient_of = {case_id: patient for case_id, patient in patient_of.items() if case_id not in tested}
    cases_of: dict[str, list[str]] = defaultdict(list)
    for case_id, patient in sorted(patient_of.items()):
        cases_of[patient].append(case_id)
    patients = sorted(cases_of)
    if folds < 2:
        raise ValueError(f"folds: expected at least 2, got {folds}; one part must validate what the others train")
    if folds > len(patients):
        remedy = f"ask for at most {len(patients)} ({option.format(count=len(patients), last=len(patients) - 1)})"
        if len(patients) < 2:
            remedy = "one patient cannot be parted, train.py --fold all trains and validates on the same cases"
        raise ValueError(f"folds: {folds} asked for, but there are only {len(patients)} patients; {remedy}")
    shuffled = [patients[i] for i in np.random.default_rng(seed).permutation(len(patients))]
    # The patients with most cases first, each into the smallest fold so far: no fold stays short or empty.
    shuffled.sort(key=lambda patient: -len(cases_of[patient]))
    held_out: list[list[str]] = [[] for _ in range(folds)]
    for patient in shuffled:
        min(held_out, key=len).extend(cases_of[patient])
    sides = [
        {"train": sorted(case for other in held_out if other is not part for case in other), "val": sorted(part)}
        for part in held_out
    ]
    return [{**fold, "test": tested} for fold in sides] if tested else sides


def held_out_set(patient_of: Mapping[str, str], test: str) -> list[str]:
    """The cases whose whole ids the expression matches, sorted.

    Raises ValueError where it matches none, or some cases of a patient and not all.
    """
    tested = sorted(case_id for case_id in patient_of if re.fullmatch(test, case_id))
    if not tested:
        raise ValueError(f"folds.test: {test!r} is no case's whole id (there are {_some(patient_of)}); correct it")
    others = {patient for case_id, patient in patient_of.items() if case_id not in tested}
    if parted := others & {patient_of[case_id] for case_id in tested}:
        raise ValueError(
            f"folds.test: {test!r} takes some cases of patient {_some(parted)} and leaves others; "
            "keep a patient on one side"
        )
    return tested


def scored_cases(fold: Fold) -> list[str]:
    """The cases of a fold that its networks are scored on: the test set where there is one, else the validation cases.

    Examples:
        >>> from ramify.data import scored_cases
        >>> scored_cases({"train": ["a"], "val": ["b"]}), scored_cases({"train": ["a"], "val": ["b"], "test": ["c"]})
        (['b'], ['c'])
    """
    return fold.get("test", fold["val"])


def check_splits(splits: object, patient_of: Mapping[str, str], name: str) -> list[Fold]:
    """The splits, if they are in nnU-Net's form and fit the cases; raises ValueError that names the fold and the case.

    Refused: cases the store does not hold, a case or a patient on both sides, a side without a case, a case named
    twice. Cases that no fold names are left out of training, as in nnU-Net: see `unused_cases`.
    """
    if not isinstance(splits, list) or not splits:
        raise ValueError(
            f'{name}: expected a list of folds like [{{"train": [...], "val": [...]}}], got {splits!r:.60}'
        )
    return [_check_fold(fold, patient_of, f"{name}, fold {i}") for i, fold in enumerate(splits)]


def _check_fold(fold: object, patient_of: Mapping[str, str], name: str) -> Fold:
    if not isinstance(fold, dict) or set(fold) - {"test"} != {"train", "val"}:
        raise ValueError(
            f'{name}: expected {{"train": [...], "val": [...]}}, or "test": [...] besides, got {fold!r:.60}'
        )
    for side, cases in fold.items():
        if not isinstance(cases, list) or not all(isinstance(case, str) for case in cases):
            raise ValueError(f'{name}: expected a list of case ids as "{side}", got {cases!r:.60}')
        if not cases:
            raise ValueError(f'{name}: "{side}" names no case; give it at least one')
        if repeated := {case for case in cases if cases.count(case) > 1}:
            raise ValueError(f'{name}: "{side}" names {_some(repeated)} more than once; name each case once')
        if unknown := set(cases) - set(patient_of):
            raise ValueError(
                f'{name}: "{side}" names {_some(unknown)}, which the store does not hold (it has {_some(patient_of)}); '
                "correct the file or prepare the case"
            )
    for first, second in combinations([side for side in _DOES if side in fold], 2):
        does = f"both {_DOES[first]} and {_DOES[second]}"
        if both := set(fold[first]) & set(fold[second]):
            raise ValueError(f"{name}: {_some(both)} {does}; take each out of one side")
        if shared := {patient_of[case] for case in fold[first]} & {patient_of[case] for case in fold[second]}:
            raise ValueError(f"{name}: cases of patient {_some(shared)} {does}; keep a patient on one side")
    return {side: sorted(fold[side]) for side in _DOES if side in fold}


def load_or_make_splits(
    path: Path | str, patient_of: Mapping[str, str], settings: FoldSettings, option: str = "--folds.folds {count}"
) -> list[Fold]:
    """The splits in `path` where it exists, whatever the settings say; otherwise made by the settings and saved there.

    Raises ValueError as check_splits or make_folds, OSError where the file cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from ramify.data import FoldSettings, load_or_make_splits
        >>> patient_of = {"a": "a", "b": "b"}
        >>> splits = load_or_make_splits(Path("splits.json"), patient_of, FoldSettings(folds=2))
        >>> splits == load_or_make_splits(Path("splits.json"), patient_of, FoldSettings(folds=2))  # read again
        True
    """
    path = Path(path)
    there = path.exists()
    splits = _splits_in(path, patient_of, settings, option)
    if not there:
        write_json(path, splits)
    return splits


def _splits_in(path: Path, patient_of: Mapping[str, str], settings: FoldSettings, option: str) -> list[Fold]:
    """The splits in `path` where it exists, or those that would be made there."""
    if path.exists():
        return check_splits(read_json(path), patient_of, str(path))
    return make_folds(patient_of, settings.folds, settings.seed, option, settings.test)


def load_fold(store: Path | str, splits: Path | str | None, fold: int | Literal["all"], count: int = 5) -> Fold:
    """One fold of a store's cases; "all" trains and validates on every case (to see that a network can overfit) but
    those that the splits hold out as a test set.

    Args:
        splits: a file to obey; none takes the store's `splits_final.json`, and where it is missing what `keep_splits`
            would write there (`count` folds, seed 0).

    Raises FileNotFoundError, or ValueError as load_or_make_splits and for a fold out of range.

    Examples:
        >>> from ramify.data import load_fold
        >>> fold = load_fold(cases, None, 0, count=2)  # a folder of four prepared cases
        >>> len(fold["train"]), len(fold["val"])
        (2, 2)
    """
    store = Path(store)
    patient_of = patients_of(store)
    if fold == "all":
        path = Path(splits or store / SPLITS_FILE)
        known = check_splits(read_json(path), patient_of, str(path)) if path.exists() else []
        others = sorted(set(patient_of) - {case for parts in known for case in parts.get("test", ())})
        return {"train": others, "val": list(others)}
    if splits is None:
        given = _splits_in(store / SPLITS_FILE, patient_of, FoldSettings(folds=count), "--fold-count {count}")
    else:
        given = check_splits(read_json(Path(splits)), patient_of, str(splits))
    if not 0 <= fold < len(given):
        raise ValueError(
            f"fold {fold}: {splits or store / SPLITS_FILE} has folds 0 to {len(given) - 1}; choose one of these"
        )
    return given[fold]


def tested_cases(store: Path | str) -> set[str]:
    """The test set of a store's splits; empty where they hold none out, or cannot be read."""
    path = Path(store) / SPLITS_FILE
    try:
        splits = check_splits(read_json(path), patients_of(Path(store)), str(path))
    except (ValueError, OSError):
        # Whoever trains by them is told why.
        return set()
    return {case for parts in splits for case in parts.get("test", ())}


def keep_splits(store: Path, count: int) -> None:
    """Write the store's `splits_final.json` (`count` folds, seed 0) where it is missing; raises as load_fold.

    For work that begins, and not before: what is refused is to leave nothing.
    """
    if not (store / SPLITS_FILE).exists():
        load_or_make_splits(store / SPLITS_FILE, patients_of(store), FoldSettings(folds=count), "--fold-count {count}")


def patients_of(store: Path) -> dict[str, str]:
    """Case id -> patient id (`patient_id` of its record, or else the case id) of every case in the store."""
    return {case_id: str(read_record(store, case_id).get("patient_id") or case_id) for case_id in open_store(store)}


def unused_cases(splits: Sequence[Fold], patient_of: Mapping[str, str]) -> list[str]:
    """Cases that no fold names, sorted: worth telling the user."""
    used = {case for fold in splits for side in fold.values() for case in side}
    return sorted(set(patient_of) - used)


def _some(names: Mapping[str, str] | set[str]) -> str:
    shown = sorted(names)[:5]
    return ", ".join(shown) + (f", ... ({len(names)} in all)" if len(names) > len(shown) else "")

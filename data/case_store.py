"""Prepared cases on disk: one folder a case with memory-mapped arrays and a JSON record.

    STORE/dataset.json            the preprocessing settings all cases share
    STORE/<case id>/case.json     the record: geometry, provenance, thresholds, radii, ...
    STORE/<case id>/<name>.npy    one array each, opened without reading it

A case is written under a temporary name and renamed, so a folder with a case's name is a whole case; the same input
gives the same bytes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.json_files import read_json, to_json, write_json
from data.whole_files import naming_path, sync_folder, write_whole

FORMAT = 3
"""Raised whenever older code could misread what newer code writes."""
CASE_FILE, DATASET_FILE = "case.json", "dataset.json"
_TEMPORARY = re.compile(r"^\.(?:tmp|old)-.*-(?P<pid>\d+)$")
_UNSAFE = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
_RESERVED_KEYS = {"format", "arrays"}


@dataclass(frozen=True, eq=False)
class Case:
    """One prepared case: its record (plain data) and its arrays, read-only and read from disk when touched."""

    case_id: str
    record: dict[str, Any]
    arrays: Mapping[str, NDArray]


def check_case_id(case_id: str) -> str:
    """The case id, if it can be a folder's name on every system; raises ValueError otherwise."""
    if (
        not case_id
        or len(case_id) > 128
        or _UNSAFE.search(case_id)
        or case_id != case_id.strip()
        or case_id[0] == "."
        or case_id[-1] == "."
        or case_id.endswith(".json")
    ):
        raise ValueError(
            f"case id {case_id!r}: expected a plain name (at most 128 characters, no leading dot, none of "
            '/ \\ : * ? " < > |, not *.json), since it names a folder; rename the case'
        )
    return case_id


def prepare_store(store: Path, settings: Mapping[str, Any]) -> None:
    """Make the store or take up an existing one: remove what killed writers left and compare the settings.

    settings: everything the prepared cases depend on, as plain data. Written once; a store made with others is
    refused with a ValueError that names what differs. Raises OSError where the store cannot be written.
    """
    wanted = json.loads(to_json(settings))
    with naming_path(store, "cannot be written; choose another --output"):
        store.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(store)
    if not (store / DATASET_FILE).exists():
        if list_cases(store):
            raise ValueError(f"{store}: holds cases but no {DATASET_FILE}; remove it or choose another --output")
        write_json(store / DATASET_FILE, {"format": FORMAT, "settings": wanted})
        return
    found = read_json(store / DATASET_FILE)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(
            f"{store / DATASET_FILE}: not of this version's form; remove the store or choose another --output"
        )
    different = _differences(found.get("settings"), wanted)
    if different:
        raise ValueError(
            f"{store}: was made with other settings ({'; '.join(different[:4])}); remove it or choose another --output"
        )


def read_dataset(store: Path) -> dict[str, Any]:
    """The settings given to prepare_store; raises as open_store, or ValueError where they are missing."""
    open_store(store)
    found = read_json(store / DATASET_FILE)
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        raise ValueError(f"{store / DATASET_FILE}: holds no settings; run preprocess.py again")
    return dict(found["settings"])


def write_case(store: Path, case_id: str, arrays: Mapping[str, NDArray], record: Mapping[str, Any]) -> None:
    """Write a case whole, in place of an older one if there is any.

    arrays: any shapes and number types. record: plain data (numbers, text, lists, dicts; NumPy's are converted).
    Raises ValueError for an unsafe id or name and for what JSON cannot hold (NaN), OSError where it cannot be written.
    """
    check_case_id(case_id)
    if clash := _RESERVED_KEYS & set(record):
        raise ValueError(f"case {case_id}: its record may not use the keys {sorted(clash)}; rename them")
    if record.get("case_id", case_id) != case_id:
        raise ValueError(f"case {case_id}: its record is of case {record['case_id']!r}; write each under its own id")
    described = {name: {"dtype": array.dtype.str, "shape": list(array.shape)} for name, array in arrays.items()}
    try:
        text = to_json({**record, "format": FORMAT, "case_id": case_id, "arrays": described})
    except ValueError as error:
        raise ValueError(f"case {case_id}: its record cannot be written as JSON ({error})") from None
    target = store / case_id
    temporary, old = (store / f".{kind}-{case_id}-{os.getpid()}" for kind in ("tmp", "old"))
    with naming_path(target, "cannot be written; choose another --output or free some space"):
        try:
            _remove(temporary)
            temporary.mkdir()
            for name, array in arrays.items():
                _write_array(temporary / f"{check_case_id(name)}.npy", array)
            write_whole(temporary / CASE_FILE, text)
            sync_folder(temporary)
            if target.exists():
                _remove(old)
                os.replace(target, old)
            os.replace(temporary, target)
            sync_folder(store)
        finally:
            _remove(temporary)
            _remove(old)


def list_cases(store: Path) -> list[str]:
    """Ids of the whole cases in the store, sorted; none where there is no store."""
    if not store.is_dir():
        return []
    return sorted(path.name for path in store.iterdir() if path.name[0] != "." and (path / CASE_FILE).is_file())


def is_complete(store: Path, case_id: str) -> bool:
    """Whether the case is in the store and every array is as its record says."""
    try:
        read_case(store, case_id)
    except (OSError, ValueError):
        return False
    return True


def open_store(store: Path) -> list[str]:
    """Ids of the cases in the store, sorted; raises FileNotFoundError without a store, ValueError without a case."""
    if not store.is_dir():
        raise FileNotFoundError(f"{store}: no such case store; make it with preprocess.py --output {store}")
    cases = list_cases(store)
    if not cases:
        raise ValueError(f"{store}: holds no prepared case; fill it with preprocess.py --output {store}")
    return cases


def read_case(store: Path, case_id: str) -> Case:
    """Open a case; its arrays are memory-mapped, so that only what is touched is read.

    Raises FileNotFoundError for an unknown case, ValueError that names a damaged one.
    """
    folder = store / check_case_id(case_id)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such case; the store holds {', '.join(list_cases(store)) or 'none'}")
    try:
        record = json.loads((folder / CASE_FILE).read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ValueError(f"format {record['format']} where {FORMAT} is expected")
        arrays = {name: _open_array(folder / f"{name}.npy", its) for name, its in record["arrays"].items()}
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise ValueError(
            f"{folder}: damaged case ({type(error).__name__}: {error}); remove the folder and run preprocess.py again"
        ) from None
    return Case(case_id, record, arrays)


def _open_array(path: Path, described: Mapping[str, Any]) -> NDArray:
    # NumPy cannot map an array without elements.
    array: NDArray = np.load(path, mmap_mode=None if 0 in described["shape"] else "r", allow_pickle=False)
    if array.dtype.str != described["dtype"] or list(array.shape) != described["shape"]:
        raise ValueError(f"{path.name} is {array.dtype.str} {array.shape}, recorded as {dict(described)}")
    return array


def _write_array(path: Path, array: NDArray) -> None:
    with path.open("wb") as stream:
        np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())


def _differences(found: object, wanted: object, key: str = "") -> list[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = sorted(set(found) | set(wanted))
        parts = [_differences(found.get(name), wanted.get(name), f"{key}.{name}".strip(".")) for name in keys]
        return [difference for part in parts for difference in part]
    return [] if found == wanted else [f"{key or 'settings'} was {found!r}, now {wanted!r}"]


def _remove_leftovers(store: Path) -> None:
    """Remove temporary folders of writers that are no more; those of a running one are left to it."""
    for path in store.iterdir():
        match = _TEMPORARY.match(path.name)
        if match and not _runs(int(match["pid"])):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

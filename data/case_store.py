"""Prepared cases on disk: one folder a case with memory-mapped arrays and a JSON record.

    STORE/dataset.json            the preprocessing settings all cases share
    STORE/<case id>/case.json     the record: geometry, provenance, thresholds, radii, ...
    STORE/<case id>/<name>.npy    one array each, opened without reading it

A case is written under a temporary name and renamed, so a folder with a case's name is a whole case; the same input
gives the same bytes. The record holds a SHA-256 of every array and of itself. When a process first reads a case, its
files are held against it: whole up to 16 MiB, by samples above; `check_case` reads everything.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ramify.data.case_arrays import check_array, open_array, write_array
from ramify.data.case_record import (
    FORMAT,
    REQUIRED_ARRAYS,
    CaseRecord,
    SamplingRecord,
    TableRecord,
    check_values,
    parse_record,
    sealed,
    table_as_json,
)
from ramify.data.store_writers import remove_leftovers, remove_temporary, writing
from ramify.data.vessel_index import VESSEL_INDICES, check_vessel_index, describe_sampling, index_vessels
from ramify.disk.atomic_files import naming_path, sync_folder, write_whole
from ramify.disk.digests import fingerprint, state_of
from ramify.disk.json_files import read_json, to_json, write_json
from ramify.disk.own_files import put_folder
from ramify.tasks.class_table import ClassTable

CASE_FILE, DATASET_FILE = "case.json", "dataset.json"
ALTERED = f"{CASE_FILE} is not what was written; its SHA-256 differs"
REMEDY = "run preprocess.py again, it makes the case anew"
_UNSAFE = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
_RESERVED_KEYS = {"format", "arrays", "sampling"}


class Arrays(dict[str, NDArray[Any]]):
    """The arrays of a case by name; one that it lacks is a ValueError that names the case."""

    def __init__(self, folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(arrays)
        self._folder = folder

    def __missing__(self, name: str) -> NDArray[Any]:
        raise ValueError(f"{self._folder}: holds no {name}.npy; {REMEDY}")


@dataclass(frozen=True, eq=False)
class Case:
    """One prepared case.

    Attributes:
        record: all that case.json holds, as plain data.
        known: the part of it that readers rely on, checked.
        arrays: read-only, and read from disk when touched.
    """

    case_id: str
    record: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    known: CaseRecord

    @property
    def class_map(self) -> NDArray[np.uint8] | None:
        """Numbers of the classes, (*S), as `tasks.class_table` has them; None where vessels are all there is."""
        return None if self.known.classes.is_single else self.arrays["classes"]

    @property
    def sampling(self) -> SamplingRecord:
        """What a training asks of it as a whole; raises ValueError for a case of an earlier version."""
        if self.known.sampling is None or VESSEL_INDICES not in self.arrays:
            raise ValueError(
                f"case {self.case_id}: an earlier version prepared it, without {VESSEL_INDICES}.npy; {REMEDY}"
            )
        return self.known.sampling

    @property
    def settings(self) -> dict[str, Any]:
        """The preprocessing it went through, as plain data; raises ValueError where its record does not say."""
        if self.known.settings is None:
            raise ValueError(f"case {self.case_id}: its {CASE_FILE} holds no settings; {REMEDY}")
        return self.known.settings


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


def prepare_store(store: Path | str, settings: Mapping[str, Any]) -> None:
    """Make the store or take up an existing one: remove what killed writers left and compare the settings.

    Args:
        settings: everything the prepared cases depend on, as plain data. Written once; a store made with others is
            refused with a ValueError that names what differs.

    Raises OSError where the store cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from ramify.data import prepare_store
        >>> prepare_store(Path("cases"), {"size": 32})
        >>> prepare_store(Path("cases"), {"size": 32})  # taken up
        >>> try:
        ...     prepare_store(Path("cases"), {"size": 64})
        ... except ValueError:
        ...     print("made with other settings")
        ...
        made with other settings
    """
    store = Path(store)
    wanted = json.loads(to_json(settings))
    with naming_path(store, "cannot be written; choose another --output"):
        store.mkdir(parents=True, exist_ok=True)
        remove_leftovers(store)
    if not (store / DATASET_FILE).exists():
        if list_cases(store):
            raise ValueError(f"{store}: holds cases but no {DATASET_FILE}; remove it or choose another --output")
        write_json(store / DATASET_FILE, {"format": FORMAT, "settings": wanted})
        return
    found = read_json(store / DATASET_FILE)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        earlier = isinstance(found, dict) and isinstance(found.get("format"), int) and found["format"] < FORMAT
        its = f"format {found['format']} of an earlier version, this one writes {FORMAT}" if earlier else "unknown form"
        raise ValueError(
            f"{store / DATASET_FILE}: {its}; remove the store and run preprocess.py again, or choose another --output"
        )
    different = differences(found.get("settings"), wanted)
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


def write_case(
    store: Path | str,
    case_id: str,
    arrays: Mapping[str, NDArray[Any]],
    record: Mapping[str, Any],
    beside: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write a case whole, in place of an older one if there is any; the user's own files in its folder stay.

    Its labelled voxels, sorted by class and scale, and the image's lowest values are written with it
    (`data.vessel_index`).

    Args:
        arrays: what `data.case_record` expects to read back.
        record: plain data (numbers, text, lists, dicts; NumPy's are converted); `classes` is a table or as plain.
        beside: further small files in the case's folder, by name.

    Raises ValueError for an unsafe id or name, for what JSON cannot hold (NaN) and for files in the way that are not
    Ramify's, OSError where it cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from ramify.data import DatasetSettings, open_dataset, open_store, prepare_store, write_case
        >>> from ramify.preprocessing import PreprocessingSettings, prepare_case
        >>> settings_of_phantoms = {"phantom": {"size": (48, 48), "spacing_mm": (4, 4)}}
        >>> phantoms = open_dataset(DatasetSettings.model_validate(settings_of_phantoms))
        >>> arrays, record = prepare_case(phantoms.load("phantom_000"), PreprocessingSettings())
        >>> prepare_store(Path("cases"), {})
        >>> write_case(Path("cases"), "phantom_000", arrays, record)
        >>> open_store(Path("cases"))
        ['phantom_000']
    """
    store = Path(store)
    check_case_id(case_id)
    if clash := _RESERVED_KEYS & set(record):
        raise ValueError(f"case {case_id}: its record may not use the keys {sorted(clash)}; rename them")
    if record.get("case_id", case_id) != case_id:
        raise ValueError(f"case {case_id}: its record is of case {record['case_id']!r}; write each under its own id")
    content = {**record, "format": FORMAT, "case_id": case_id}
    if "classes" in record:
        content["classes"] = table_as_json(TypeAdapter(TableRecord).validate_python(record["classes"]))
    if set(REQUIRED_ARRAYS) <= set(arrays):
        class_map = arrays.get("classes")
        indices, groups = index_vessels(arrays["scales"], class_map)
        arrays = {**arrays, VESSEL_INDICES: indices}
        content["sampling"] = describe_sampling(arrays["image"], groups, class_map)
    try:
        to_json(content)
    except ValueError as error:
        raise ValueError(f"case {case_id}: its record cannot be written as JSON ({error})") from None
    target = store / case_id
    temporary, old = (store / f".{kind}-{case_id}-{os.getpid()}" for kind in ("tmp", "old"))
    with naming_path(target, "cannot be written; choose another --output or free some space"), writing(store):
        try:
            remove_temporary(temporary)
            temporary.mkdir()
            content["arrays"] = {
                name: write_array(temporary / f"{check_case_id(name)}.npy", array) for name, array in arrays.items()
            }
            write_whole(temporary / CASE_FILE, to_json(sealed(content)))
            for name, text in beside.items():
                write_whole(temporary / name, text)
            sync_folder(temporary)
            put_folder(temporary, target, old)
            sync_folder(store)
        finally:
            remove_temporary(temporary)


def list_cases(store: Path) -> list[str]:
    """Ids of the whole cases in the store, sorted; none where there is no store."""
    if not store.is_dir():
        return []
    return sorted(path.name for path in store.iterdir() if path.name[0] != "." and (path / CASE_FILE).is_file())


def open_store(store: Path | str) -> list[str]:
    """Ids of the cases in the store, sorted; raises FileNotFoundError without a store, ValueError without a case.

    Examples:
        >>> from ramify.data import open_store
        >>> open_store(cases)  # a folder that preprocess.py wrote
        ['phantom_000', 'phantom_001', 'phantom_002', 'phantom_003']
    """
    store = Path(store)
    if not store.is_dir():
        raise FileNotFoundError(f"{store}: no such case store; make it with preprocess.py --output {store}")
    cases = list_cases(store)
    if not cases:
        raise ValueError(f"{store}: holds no prepared case; fill it with preprocess.py --output {store}")
    return cases


def read_case(store: Path | str, case_id: str) -> Case:
    """Open a case; its arrays are memory-mapped, so that only what is touched is read.

    Raises FileNotFoundError for an unknown case, ValueError that names a damaged one.

    Examples:
        >>> from ramify.data import read_case
        >>> case = read_case(cases, "phantom_000")  # from a folder that preprocess.py wrote
        >>> sorted(case.arrays), case.arrays["image"].shape
        (['branches', 'image', 'organ', 'scales', 'skeleton', 'tubed_skeleton', 'vessel_indices'], (1, 32, 32))
    """
    store = Path(store)
    folder = _folder_of(store, case_id)
    with _naming_damage(folder):
        record, known = _read_record(folder / CASE_FILE, state_of(folder / CASE_FILE))
        for name, its in known.arrays.items():
            check_array(folder / f"{name}.npy", its, known.labels, state_of(folder / f"{name}.npy"))
        arrays = {name: open_array(folder / f"{name}.npy", its) for name, its in known.arrays.items()}
    return Case(case_id, record, Arrays(folder, arrays), known)


def read_record(store: Path, case_id: str) -> dict[str, Any]:
    """The record of a case without a look at its arrays; raises as read_case."""
    folder = _folder_of(store, case_id)
    with _naming_damage(folder):
        return _read_record(folder / CASE_FILE, state_of(folder / CASE_FILE))[0]


def check_case(store: Path | str, case_id: str) -> Case:
    """Open a case after reading every byte of its arrays; raises as read_case.

    Examples:
        >>> from ramify.data import check_case
        >>> check_case(cases, "phantom_000").case_id  # every byte is as it was written
        'phantom_000'
    """
    store = Path(store)
    case = read_case(store, case_id)
    folder = _folder_of(store, case_id)
    with _naming_damage(folder):
        for name, its in case.known.arrays.items():
            path = folder / f"{name}.npy"
            if its.sha256 is not None and fingerprint(path) != its.sha256:
                raise ValueError(f"{path.name} is not what was written; its SHA-256 differs")
            check_values(name, case.arrays[name], case.known.labels)
        if case.known.sampling and VESSEL_INDICES in case.arrays:
            groups = case.known.sampling.groups_of_voxels
            check_vessel_index(case.arrays[VESSEL_INDICES], groups, case.arrays["scales"], case.class_map)
    return case


def _folder_of(store: Path, case_id: str) -> Path:
    folder = store / check_case_id(case_id)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such case; the store holds {', '.join(list_cases(store)) or 'none'}")
    return folder


def count_scales(store: Path, case_ids: Iterable[str] | None = None) -> int:
    """Number of scales S of some cases, or of all, told by those that have vessels; raises as open_store, read_case."""
    counts = []
    for case_id in open_store(store) if case_ids is None else case_ids:
        folder = _folder_of(store, case_id)
        with _naming_damage(folder):
            counts.append(_read_record(folder / CASE_FILE, state_of(folder / CASE_FILE))[1].n_scales)
    return max(counts)


def class_table_of(store: Path) -> ClassTable:
    """The classes of the labels, which the cases of a store share; raises as open_store, read_case."""
    folder = _folder_of(store, open_store(store)[0])
    with _naming_damage(folder):
        return _read_record(folder / CASE_FILE, state_of(folder / CASE_FILE))[1].classes


@contextlib.contextmanager
def _naming_damage(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, FileNotFoundError) and error.filename:
            what = f"no {Path(error.filename).name}"
        raise ValueError(f"{folder}: damaged case ({what}); {REMEDY}") from None


@functools.lru_cache(maxsize=4096)
def _read_record(path: Path, state: tuple[int, ...]) -> tuple[dict[str, Any], CaseRecord]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return content, parse_record(content, path.parent.name)


def differences(found: object, wanted: object, key: str = "") -> list[str]:
    """What differs between two sets of settings, a short text a key."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = sorted(set(found) | set(wanted))
        parts = [differences(found.get(name), wanted.get(name), f"{key}.{name}".strip(".")) for name in keys]
        return [difference for part in parts for difference in part]
    return [] if found == wanted else [f"{key or 'settings'} was {found!r}, now {wanted!r}"]

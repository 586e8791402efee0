import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ramify.data.case_store import (
    check_case,
    check_case_id,
    list_cases,
    open_store,
    prepare_store,
    read_case,
    read_dataset,
    write_case,
)
from ramify.data.store_writers import remove_leftovers
from ramify.disk.json_files import read_json, write_json

ARRAYS = {
    "image": np.linspace(-1, 1, 24, dtype=np.float32).reshape(1, 2, 3, 4),
    "scales": np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 4,
    "branches": np.arange(24, dtype=np.int32).reshape(2, 3, 4),
}
RECORD = {
    "patient_id": "p",
    "shape": [2, 3, 4],
    "spacing_mm": [2.0, 1.0, 1.0],
    "scales": {"thresholds_mm": [1.0, 2.5]},
    "radii_mm": np.array([0.5, 1.5]),
    "count": np.int64(3),
}
SETTINGS = {"preprocessing": {"grid": {"size": (4, 4)}, "window": 1.5}}


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_case_comes_back_mapped_from_disk(tmp_path):
    write_case(tmp_path, "a", ARRAYS, RECORD)
    case = read_case(tmp_path, "a")
    assert case.case_id == "a"
    assert set(case.arrays) == {*ARRAYS, "vessel_indices"}
    for name, array in ARRAYS.items():
        assert np.array_equal(case.arrays[name], array)
        assert case.arrays[name].dtype == array.dtype
        assert isinstance(case.arrays[name], np.memmap)
        assert not case.arrays[name].flags.writeable
    assert case.record["radii_mm"] == [0.5, 1.5]
    assert case.record["count"] == 3
    assert case.record["case_id"] == "a"


def test_views_and_arrays_without_elements_come_back(tmp_path):
    more = {"turned": ARRAYS["image"].T, "none": np.zeros((0, 3), np.float32)}
    write_case(tmp_path, "a", {**ARRAYS, **more}, RECORD)
    arrays = read_case(tmp_path, "a").arrays
    assert np.array_equal(arrays["turned"], ARRAYS["image"].T)
    assert arrays["none"].shape == (0, 3)


def test_the_same_case_is_the_same_bytes(tmp_path):
    for store in "one", "two":
        (tmp_path / store).mkdir()
    write_case(tmp_path / "one", "a", ARRAYS, RECORD)
    write_case(tmp_path / "two", "a", dict(reversed(ARRAYS.items())), dict(reversed(RECORD.items())))
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert sorted(tree(tmp_path / "one")) == [
        "a/branches.npy",
        "a/case.json",
        "a/image.npy",
        "a/scales.npy",
        "a/vessel_indices.npy",
    ]


def test_writing_again_replaces_the_case(tmp_path):
    write_case(tmp_path, "a", ARRAYS, RECORD)
    fewer = {name: ARRAYS[name] for name in ("image", "scales")}
    write_case(tmp_path, "a", fewer, {**RECORD, "patient_id": "q"})
    case = read_case(tmp_path, "a")
    assert set(case.arrays) == {"image", "scales", "vessel_indices"}
    assert case.record["patient_id"] == "q"
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_keeps_the_old_case_and_leaves_nothing(tmp_path, monkeypatch):
    write_case(tmp_path, "a", ARRAYS, RECORD)
    before = tree(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device; it cannot be written") as caught:
        write_case(tmp_path, "a", {"image": ARRAYS["image"] * 2}, RECORD)
    assert str(tmp_path / "a") in str(caught.value)
    assert tree(tmp_path) == before
    with pytest.raises(OSError, match=r"splits\.json: .*No space left"):
        write_json(tmp_path / "splits.json", [])
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["", ".a", "a/b", "a\\b", "..", "a\n", "a ", "x" * 129, "dataset.json", "a.", "a:b"])
def test_names_that_are_no_folders_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="expected a plain name"):
        write_case(tmp_path, name, ARRAYS, {})
    assert not list(tmp_path.iterdir())


def test_plain_names_pass():
    for name in "3Dircadb1.17", "hepaticvessel_001", "Fälle 2", "a-b":
        assert check_case_id(name) == name


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"radius": float("nan")}, "case a: its record cannot be written as JSON"),
        ({"path": Path("/x")}, "is not plain data"),
        ({"arrays": 1}, r"may not use the keys \['arrays'\]"),
        ({"case_id": "b"}, "its record is of case 'b'"),
    ],
)
def test_records_are_plain_data(tmp_path, record, says):
    with pytest.raises(ValueError, match=says):
        write_case(tmp_path, "a", ARRAYS, record)
    assert not list(tmp_path.iterdir())


def test_only_whole_cases_are_listed(tmp_path):
    for name in "b", "a":
        write_case(tmp_path, name, ARRAYS, RECORD)
    (tmp_path / "figures").mkdir()
    (tmp_path / ".tmp-c-1").mkdir()
    (tmp_path / ".tmp-c-1" / "case.json").write_text("{}")
    assert list_cases(tmp_path) == open_store(tmp_path) == ["a", "b"]


def test_no_store_and_an_empty_one(tmp_path):
    assert list_cases(tmp_path / "none") == []
    with pytest.raises(FileNotFoundError, match=r"none: no such case store; make it with preprocess\.py"):
        open_store(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no prepared case"):
        open_store(tmp_path)
    write_case(tmp_path, "a", ARRAYS, RECORD)
    with pytest.raises(FileNotFoundError, match="no such case; the store holds a"):
        read_case(tmp_path, "b")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: cut(folder / "image.npy"),
        lambda folder: (folder / "image.npy").write_bytes(b""),
        lambda folder: (folder / "image.npy").unlink(),
        lambda folder: np.save(folder / "image.npy", np.zeros((2, 2))),
        lambda folder: cut(folder / "case.json"),
        lambda folder: (folder / "case.json").write_text("[]"),
        lambda folder: (folder / "case.json").write_text('{"format": 99}'),
        lambda folder: (folder / "case.json").unlink(),
    ],
)
def test_a_damaged_case_is_named(tmp_path, damage):
    write_case(tmp_path, "a", ARRAYS, RECORD)
    damage(tmp_path / "a")
    with pytest.raises(ValueError, match=r"damaged case .*run preprocess\.py again") as caught:
        read_case(tmp_path, "a")
    assert str(tmp_path / "a") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arrays_with_code_in_them_are_not_run(tmp_path):
    write_case(tmp_path, "a", ARRAYS, RECORD)
    np.save(tmp_path / "a" / "image.npy", np.array([{"code": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="damaged case"):
        read_case(tmp_path, "a")


def test_a_store_keeps_its_settings(tmp_path):
    store = tmp_path / "new" / "store"
    prepare_store(store, SETTINGS)
    write_case(store, "a", ARRAYS, RECORD)
    before = tree(store)
    prepare_store(store, SETTINGS)
    assert tree(store) == before
    assert read_dataset(store) == {"preprocessing": {"grid": {"size": [4, 4]}, "window": 1.5}}


def test_other_settings_are_refused_and_what_differs_is_shown(tmp_path):
    prepare_store(tmp_path, SETTINGS)
    other = {"preprocessing": {"grid": {"size": (8, 4)}, "window": 1.5}, "organ": True}
    with pytest.raises(ValueError, match="choose another --output") as caught:
        prepare_store(tmp_path, other)
    assert "organ was None, now True; preprocessing.grid.size was [4, 4], now [8, 4]" in str(caught.value)


def test_a_folder_of_unknown_cases_is_not_taken_up(tmp_path):
    write_case(tmp_path, "a", ARRAYS, RECORD)
    with pytest.raises(ValueError, match=r"holds cases but no dataset\.json"):
        prepare_store(tmp_path, SETTINGS)
    (tmp_path / "dataset.json").write_text("[]")
    with pytest.raises(ValueError, match="unknown form; remove the store and run preprocess"):
        prepare_store(tmp_path, SETTINGS)
    (tmp_path / "dataset.json").write_text('{"format": 3, "settings": {}}')
    with pytest.raises(ValueError, match=r"format 3 of an earlier version, this one writes 4; .* run preprocess\.py"):
        prepare_store(tmp_path, SETTINGS)


def test_a_store_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="it cannot be written; choose another --output"):
        prepare_store(tmp_path / "file" / "store", SETTINGS)


HOLDER = """
import sys
from pathlib import Path
from ramify.data.store_writers import writing
store = Path(sys.argv[1])
with writing(store):
    (store / ".tmp-b-1").mkdir()
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs locks on folders")
def test_leftovers_are_removed_once_no_writer_is_left(tmp_path):
    # Process 1 runs, and so does this one's parent: what counts is whether anybody holds the store.
    for pid in 1, os.getppid():
        (tmp_path / f".tmp-a-{pid}").mkdir()
        (tmp_path / f".tmp-a-{pid}" / "image.npy").write_text("half")
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        with pytest.raises(OSError, match="another process is writing into it"):
            remove_leftovers(tmp_path, wait_seconds=0)
        assert len(list(tmp_path.iterdir())) == 3
        holder.send_signal(signal.SIGKILL)
    prepare_store(tmp_path, SETTINGS)
    assert os.listdir(tmp_path) == ["dataset.json"]


def test_json_files_are_whole_sorted_and_named_in_errors(tmp_path):
    write_json(tmp_path / "new" / "a.json", {"b": 1, "a": np.float32(0.5)})
    assert (tmp_path / "new" / "a.json").read_text(encoding="utf-8") == '{\n  "a": 0.5,\n  "b": 1\n}\n'
    assert os.listdir(tmp_path / "new") == ["a.json"]
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.json: not a JSON file"):
        read_json(tmp_path / "bad.json")
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "nan.json", float("nan"))
    assert not (tmp_path / "nan.json").exists()


WRITER = """
import sys
from pathlib import Path
import numpy as np
from ramify.data.case_store import list_cases, prepare_store, write_case
store = Path(sys.argv[1])
prepare_store(store, {"n": 1})
print("ready", flush=True)
for i in range(12):
    name = f"case_{i}"
    if name not in list_cases(store):
        random = np.random.default_rng(i)
        shape = (40, 64, 64)
        labels = random.integers(0, 4, shape, np.uint8)
        record = {"i": i, "shape": shape, "spacing_mm": [1.0] * 3, "scales": {"thresholds_mm": [1.0, 2.0]}}
        write_case(store, name, {"image": random.normal(size=(1, *shape)).astype(np.float32), "scales": labels}, record)
"""


def start_writer(store: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store)], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.integration
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_at_any_moment_and_resumed_gives_the_same_bytes(tmp_path):
    with start_writer(tmp_path / "whole") as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        start = time.perf_counter()
        writer.wait()
    assert writer.returncode == 0
    duration = time.perf_counter() - start
    delays = random.Random(7)
    for _ in range(6):
        with start_writer(tmp_path / "killed") as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(delays.uniform(0, duration / 3))
            writer.send_signal(signal.SIGKILL)
        for case_id in list_cases(tmp_path / "killed"):
            check_case(tmp_path / "killed", case_id)
    writer = start_writer(tmp_path / "killed")
    writer.communicate()
    assert writer.returncode == 0
    assert json.loads((tmp_path / "killed" / "case_11" / "case.json").read_text(encoding="utf-8"))["i"] == 11
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")
    assert sorted(os.listdir(tmp_path / "killed")) == sorted(os.listdir(tmp_path / "whole"))

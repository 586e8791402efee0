"""Cases that the data set no longer has: told, and dropped only when asked for, with nothing of the user's lost."""

import json

import numpy as np
import pytest

from ramify.data.case_store import list_cases, read_case, write_case
from ramify.disk.atomic_files import write_whole
from ramify.preprocessing.vanished import drop_cases, vanished_cases

SPLITS = [{"train": ["a", "b"], "val": ["c", "d"]}, {"train": ["c", "d"], "val": ["a", "b"]}]


@pytest.fixture
def store(tmp_path):
    arrays = {"image": np.zeros((1, 2, 2), np.float32), "scales": np.zeros((2, 2), np.uint8)}
    record = {"shape": [2, 2], "spacing_mm": [1.0, 1.0], "scales": {"thresholds_mm": []}}
    (tmp_path / "figures").mkdir()
    for case_id in "abcd":
        write_case(tmp_path, case_id, arrays, record, {"sources.json": "{}"})
        write_whole(tmp_path / "figures" / f"{case_id}.png", b"picture")
    (tmp_path / "splits_final.json").write_text(json.dumps(SPLITS), encoding="utf-8")
    return tmp_path


def test_what_the_data_set_lacks_is_found(store):
    assert vanished_cases(store, ["d", "c", "a", "e"]) == ["b"]


def test_a_dropped_case_leaves_store_and_splits_and_the_splits_are_kept(store):
    told = drop_cases(store, ["b"])
    assert list_cases(store) == ["a", "c", "d"]
    splits = json.loads((store / "splits_final.json").read_text(encoding="utf-8"))
    assert splits == [{"train": ["a"], "val": ["c", "d"]}, {"train": ["c", "d"], "val": ["a"]}]
    assert json.loads((store / "splits_final.json.backup-1").read_text(encoding="utf-8")) == SPLITS
    assert not (store / "figures/b.png").exists()
    assert told[-1] == "b: dropped"
    drop_cases(store, ["c"])
    assert json.loads((store / "splits_final.json.backup-2").read_text(encoding="utf-8")) == splits


def test_a_fold_without_cases_is_refused_before_anything_is_dropped(store):
    with pytest.raises(ValueError, match=r'splits_final\.json: without a, b, "train" of fold 0 names no case; remove'):
        drop_cases(store, ["a", "b"])
    assert list_cases(store) == ["a", "b", "c", "d"]
    assert json.loads((store / "splits_final.json").read_text(encoding="utf-8")) == SPLITS
    assert (store / "figures/b.png").exists()


def test_further_files_in_a_folder_stay(store):
    (store / "b" / "notes.txt").write_text("mine")
    told = drop_cases(store, ["b"])
    assert list_cases(store) == ["a", "c", "d"]
    assert (store / "b" / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert told[-1] == f"b: dropped; notes.txt stays in {store / 'b'}"


def test_what_was_changed_by_hand_is_kept(store):
    (store / "b" / "scales.npy").write_bytes(b"drawn by hand")
    (store / "b" / "case.json").write_text("{}")
    drop_cases(store, ["b"])
    assert list_cases(store) == ["a", "c", "d"]
    kept = {path.name: path.read_bytes() for path in (store / "b").iterdir()}
    assert kept == {"scales.npy.backup-1": b"drawn by hand", "case.json.backup-1": b"{}"}


def test_splits_that_do_not_name_the_case_stay_untouched(store):
    before = (store / "splits_final.json").read_bytes()
    (store / "b").rename(store / "e")
    path = store / "e" / "case.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"b"', '"e"'), encoding="utf-8")
    assert read_case(store, "e")
    drop_cases(store, ["e"])
    assert (store / "splits_final.json").read_bytes() == before
    assert not list(store.glob("splits_final.json.*"))

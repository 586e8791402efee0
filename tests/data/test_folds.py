import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ramify.data.case_store import write_case
from ramify.data.folds import (
    FoldSettings,
    check_splits,
    keep_splits,
    load_fold,
    load_or_make_splits,
    make_folds,
    patients_of,
    scored_cases,
    unused_cases,
)
from tests.fuzzing.texts import another_value

TEN = {f"case_{i}": f"case_{i}" for i in range(10)}


def test_every_patient_validates_once_and_trains_otherwise():
    splits = make_folds(TEN, 5, seed=0)
    assert len(splits) == 5
    assert sorted(case for fold in splits for case in fold["val"]) == sorted(TEN)
    for fold in splits:
        assert len(fold["val"]) == 2
        assert sorted(fold["train"] + fold["val"]) == sorted(TEN)
        assert fold["train"] == sorted(fold["train"])


def test_the_seed_alone_decides():
    backwards = dict(reversed(TEN.items()))
    assert make_folds(TEN, 5, seed=3) == make_folds(backwards, 5, seed=3)
    assert len({json.dumps(make_folds(TEN, 5, seed=seed)) for seed in range(5)}) == 5


def test_a_patient_with_many_scans_stays_in_one_fold_and_the_others_fill_up():
    patient_of = {f"a{i}": "a" for i in range(4)} | {f"b{i}": "b" for i in range(2)} | {"c": "c", "d": "d"}
    splits = make_folds(patient_of, 2, seed=0)
    assert sorted(len(fold["val"]) for fold in splits) == [4, 4]
    assert ["a0", "a1", "a2", "a3"] in [fold["val"] for fold in splits]


@given(st.lists(st.integers(0, 8), min_size=2, max_size=30), st.integers(2, 6), st.integers(0, 9))
def test_folds_are_balanced_and_never_part_a_patient(owners, folds, seed):
    patient_of = {f"case_{i}": f"patient_{owner}" for i, owner in enumerate(owners)}
    counts = np.unique(owners, return_counts=True)[1]
    if folds > len(counts):
        with pytest.raises(ValueError, match=f"{folds} asked for, but there are only {len(counts)} patients"):
            make_folds(patient_of, folds, seed)
        return
    splits = make_folds(patient_of, folds, seed)
    assert sorted(case for fold in splits for case in fold["val"]) == sorted(patient_of)
    sizes = [len(fold["val"]) for fold in splits]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= max(counts)  # as even as whole patients allow a greedy choice to be
    assert check_splits(splits, patient_of, "made") == splits


def test_too_few_folds():
    with pytest.raises(ValueError, match="at least 2, got 1"):
        make_folds(TEN, 1, seed=0)
    with pytest.raises(ValidationError):
        FoldSettings(folds=1)


def test_splits_are_made_once_and_then_obeyed(tmp_path):
    path = tmp_path / "splits_final.json"
    made = load_or_make_splits(path, TEN, FoldSettings(folds=5, seed=1))
    assert json.loads(path.read_text(encoding="utf-8")) == made == make_folds(TEN, 5, seed=1)
    assert load_or_make_splits(path, TEN, FoldSettings(folds=2, seed=9)) == made


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({}, "expected a list of folds"),
        ([], "expected a list of folds"),
        ([{"train": ["a1"]}], "fold 0: expected"),
        ([{"train": ["a1"], "val": "b1"}], 'expected a list of case ids as "val"'),
        ([{"train": ["a1"], "val": []}], '"val" names no case'),
        (
            [{"train": ["a1"], "val": ["b1"]}, {"train": ["a1"], "val": ["b2"]}],
            'fold 1: "val" names b2, which the store',
        ),
        ([{"train": ["a1", "b1"], "val": ["b1"]}], "b1 both train and validate"),
        ([{"train": ["a1", "b1"], "val": ["a2"]}], "cases of patient a both train and validate"),
        ([{"train": ["a1", "a1"], "val": ["b1"]}], "a1 more than once"),
        ([{"train": ["a1"], "val": ["b1"], "test": []}], '"test" names no case'),
        ([{"train": ["a1"], "val": ["b1"], "test": ["b1"]}], "b1 both validate and test"),
        ([{"train": ["a1"], "val": ["b1"], "test": ["a2"]}], "cases of patient a both train and test"),
        ([{"train": ["a1"], "val": ["b1"], "Test": ["a2"]}], 'or "test"'),
    ],
)
def test_given_splits_that_do_not_fit_are_refused(tmp_path, splits, says):
    path = tmp_path / "splits_final.json"
    path.write_text(json.dumps(splits))
    with pytest.raises(ValueError, match=says) as caught:
        load_or_make_splits(path, {"a1": "a", "a2": "a", "b1": "b"}, FoldSettings())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert json.loads(path.read_text(encoding="utf-8")) == splits


def test_a_test_set_is_held_out_of_every_fold_with_its_patients():
    folds = make_folds({**TEN, "t_1": "t", "t_2": "t"}, 5, seed=0, test="t_.")
    assert [{side: fold[side] for side in ("train", "val")} for fold in folds] == make_folds(TEN, 5, seed=0)
    assert all(fold["test"] == ["t_1", "t_2"] for fold in folds)
    with pytest.raises(ValueError, match=r"folds\.test: 't_1' takes some cases of patient t and leaves others"):
        make_folds({**TEN, "t_1": "t", "t_2": "t"}, 5, seed=0, test="t_1")
    with pytest.raises(ValueError, match=r"folds\.test: 't' is no case's whole id"):
        make_folds({**TEN, "t_1": "t"}, 5, seed=0, test="t")
    with pytest.raises(ValidationError, match="regular expression"):
        FoldSettings(test="(")


def test_what_is_scored_is_the_test_set_where_there_is_one():
    assert scored_cases({"train": ["a"], "val": ["b"]}) == ["b"]
    splits = check_splits([{"train": ["a"], "val": ["b"], "test": ["d", "c"]}], dict(zip("abcd", "abcd")), "given")
    assert scored_cases(splits[0]) == ["c", "d"]
    assert unused_cases(splits, dict(zip("abcde", "abcde"))) == ["e"]


def test_cases_in_no_fold_are_told():
    splits = check_splits([{"train": ["a"], "val": ["b"]}], {"a": "a", "b": "b", "c": "c"}, "given")
    assert splits == [{"train": ["a"], "val": ["b"]}]
    assert unused_cases(splits, {"a": "a", "b": "b", "c": "c"}) == ["c"]


@pytest.fixture
def store(tmp_path):
    for i in range(6):
        arrays = {"image": np.zeros((1, 2, 2), np.float32), "scales": np.zeros((2, 2), np.uint8)}
        record = {
            "patient_id": f"p{i // 2}",
            "shape": [2, 2],
            "spacing_mm": [1.0, 1.0],
            "scales": {"thresholds_mm": []},
        }
        write_case(tmp_path / "store", f"case_{i}", arrays, record)
    return tmp_path / "store"


@pytest.fixture(autouse=True)
def _folder(tmp_path):
    (tmp_path / "store").mkdir()


def test_folds_of_a_store(store, tmp_path):
    assert patients_of(store) == {f"case_{i}": f"p{i // 2}" for i in range(6)}
    (store / "splits_final.json").write_text(json.dumps(make_folds(patients_of(store), 3, seed=2)))
    fold = load_fold(store, None, 2)
    assert len(fold["val"]) == 2
    assert len(fold["train"]) == 4
    with pytest.raises(ValueError, match=r"fold 3: .*splits_final\.json has folds 0 to 2"):
        load_fold(store, None, 3)
    with pytest.raises(ValueError, match="fold -1"):
        load_fold(store, None, -1)
    given = tmp_path / "mine.json"
    given.write_text(json.dumps([{"train": ["case_0"], "val": ["case_2"]}]))
    assert load_fold(store, given, 0) == {"train": ["case_0"], "val": ["case_2"]}
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json: no such file"):
        load_fold(store, tmp_path / "nowhere.json", 0)


def test_a_store_without_splits_gets_some_or_says_why_not(store):
    with pytest.raises(ValueError, match="5 asked for, but there are only 3 patients"):
        load_fold(store, None, 0)
    with pytest.raises(ValueError, match=r"ask for at most 3 \(--fold-count 3\)"):
        load_fold(store, None, 0, 4)
    assert not (store / "splits_final.json").exists()
    assert load_fold(store, None, "all") == {side: [f"case_{i}" for i in range(6)] for side in ("train", "val")}
    given = [{"train": ["case_0"], "val": ["case_2"], "test": ["case_4", "case_5"]}]
    (store / "splits_final.json").write_text(json.dumps(given))
    assert load_fold(store, None, "all")["train"] == [f"case_{i}" for i in range(4)], "all but the test set"
    (store / "splits_final.json").unlink()
    assert load_fold(store, None, 2, 3)["val"]
    assert not (store / "splits_final.json").exists()
    for count in (3, 2):  # those that are there stay
        keep_splits(store, count)
    assert len(json.loads((store / "splits_final.json").read_text(encoding="utf-8"))) == 3


def test_one_patient_cannot_be_parted():
    with pytest.raises(ValueError, match=r"only 1 patients; one patient cannot be parted, train\.py --fold all"):
        make_folds({"a": "p", "b": "p"}, 2, seed=0)


def test_changed_splits_are_obeyed_or_refused_in_one_line():
    whole = [{"train": ["a", "b"], "val": ["c"]}, {"train": ["c"], "val": ["a", "b"]}]
    refused = 0
    for number in range(200):
        what, changed = another_value(whole, 0, number)
        try:
            check_splits(changed, {case: case for case in "abc"}, "splits")
        except ValueError as error:
            line, refused = str(error), refused + 1
        else:
            continue
        assert line.startswith("splits"), what
        assert "\n" not in line, what
    assert refused > 120

"""Folds that cannot be made, or are others than those that are there, are refused before any case is prepared."""

import json

import pytest

from ramify.data.folds import FoldSettings, make_folds
from ramify.preprocessing.parting import check_can_be_parted

CASES = [f"c{number}" for number in range(6)]
PATIENTS = {case: case for case in CASES}


def check(store, **folds):
    check_can_be_parted(store, CASES, "", FoldSettings(**folds))


def test_too_few_patients_by_name(tmp_path):
    with pytest.raises(ValueError, match=r"7 asked for, but there are only 6 patients.*\(--folds\.folds 6\)"):
        check(tmp_path, folds=7)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("there", "asked", "says"),
    [
        ({"folds": 3}, {"folds": 3}, None),
        ({"folds": 3}, {}, None),  # what is there is obeyed where nothing is asked for
        ({"folds": 3}, {"folds": 2}, r"splits_final\.json: has 3 folds, and --folds\.folds 2 is asked for; remove"),
        ({"folds": 5, "seed": 1}, {"seed": 1}, None),
        ({"folds": 5}, {"seed": 1}, r"parts the cases otherwise, and --folds\.seed 1 is asked for"),
        ({"folds": 2, "test": "c0"}, {"folds": 2, "test": "c0"}, None),
        ({"folds": 2, "test": "c0"}, {"folds": 2, "test": "c1"}, "otherwise, and --folds.test c1 --folds.folds 2 is"),
        ({"folds": 2}, {"folds": 2, "test": "c1"}, "parts the cases otherwise"),
    ],
)
def test_splits_that_are_there(tmp_path, there, asked, says):
    made = FoldSettings(**there)
    of = {case: case for case in CASES[:-1]}  # one case has come since
    text = json.dumps(make_folds(of, made.folds, made.seed, test=made.test))
    (tmp_path / "splits_final.json").write_text(text, encoding="utf-8")
    if says is None:
        check(tmp_path, **asked)
    else:
        with pytest.raises(ValueError, match=says):
            check(tmp_path, **asked)
    assert (tmp_path / "splits_final.json").read_text(encoding="utf-8") == text


def test_splits_of_the_users_own_with_the_number_that_is_asked_for(tmp_path):
    splits = [{"train": CASES[:3], "val": CASES[3:]}, {"train": CASES[3:], "val": CASES[:3]}]
    (tmp_path / "splits_final.json").write_text(json.dumps(splits), encoding="utf-8")
    check(tmp_path, folds=2)

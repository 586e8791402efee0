import json
from pathlib import Path

import pytest

from ramify.comparison.fold_file import read_fold_of


def splits_file(folder: Path, *held_out: list[str]) -> Path:
    every = {case for part in held_out for case in part}
    path = folder / "splits_final.json"
    folds = [{"train": sorted(every - set(part)), "val": part} for part in held_out]
    path.write_text(json.dumps(folds), encoding="utf-8")
    return path


def test_a_case_belongs_to_the_fold_that_holds_it_out(tmp_path):
    assert read_fold_of(splits_file(tmp_path, ["a", "b"], ["c"])) == {"a": "fold 0", "b": "fold 0", "c": "fold 1"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "expected a list of folds"),
        ('{"a": "fold 0"}', "expected a list of folds"),
        ('[["a"], ["b"]]', "fold 0: expected"),
        ('[{"train": ["a"], "val": [1]}]', 'expected a list of case ids as "val"'),
        ('[{"train": ["a"], "val": ["b"]}]', "expected at least two folds, got one"),
        ('[{"train": ["a"], "val": ["b"]}, {"train": ["c"], "val": ["b"]}]', "b is held out by fold 0 and by fold 1"),
    ],
)
def test_what_names_no_folds_is_one_line(tmp_path, content, says):
    path = tmp_path / "splits.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=says) as caught:
        read_fold_of(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)

"""A store knows which data set it was made from, and how that was read."""

import json
from pathlib import Path
from typing import Any

import pytest

from ramify.data.case_store import prepare_store
from ramify.preprocessing.reopening import data_set_of
from ramify.preprocessing.settings import PreprocessCommand

CLASSES = {"portal": [1, 3], "hepatic": 2, "liver": {"values": [4], "role": "organ"}}


@pytest.mark.parametrize(
    "asked",
    [
        {"dataset": "phantom", "phantom": {"cases": 2, "size": [24, 24, 24]}},
        {"dataset": "ircadb", "ircadb": {"vessels": "portal"}, "patient_pattern": "(.)"},
        {"dataset": "nnunet", "classes": CLASSES, "regions": {"all": ["portal", "hepatic"]}, "background": [7]},
        {"dataset": "pairs", "pairs": {"image": {"t1": "{case}_t1.png", "t2": "{case}_t2.png"}}, "channels": ["t1"]},
    ],
)
def test_the_settings_come_back_as_they_were_given(tmp_path, asked):
    in_files = asked["dataset"] != "phantom"
    command = PreprocessCommand.model_validate({**asked, "root": tmp_path if in_files else None})
    store = tmp_path / "store"
    prepare_store(store, command.what_shapes_a_case())
    write_case_from(store, tmp_path if in_files else None)
    found = data_set_of(store)
    assert found.model_dump() == {
        key: value for key, value in command.model_dump().items() if key in found.model_dump()
    }
    assert list(found.classes) == list(command.classes), "their order is that of the numbers in the cases"


def write_case_from(store: Path, root: Path | None) -> None:
    """A case of which nothing but its place is looked at."""
    (store / "a").mkdir()
    (store / "a" / "case.json").write_text("{}", encoding="utf-8")
    sources: dict[str, Any] = {"root": None if root is None else str(root), "stamps": {}}
    (store / "a" / "sources.json").write_text(json.dumps(sources), encoding="utf-8")


def test_a_data_set_that_is_gone_is_named(tmp_path):
    prepare_store(tmp_path, PreprocessCommand(dataset="ircadb").what_shapes_a_case())
    write_case_from(tmp_path, Path("/nowhere/data"))
    with pytest.raises(FileNotFoundError, match=r"^/nowhere/data: the data set of .* is not there any more"):
        data_set_of(tmp_path)

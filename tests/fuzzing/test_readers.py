"""A few hundred damaged files in a few seconds; `make fuzz` reads ten thousand."""

import sys

import pytest

from tests.fuzzing.readers import READERS
from tests.fuzzing.trial import damaged, try_readers


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory by /proc and setrlimit")
def test_damaged_files_are_read_or_refused_in_one_line():
    outcomes = try_readers(list(READERS), count=15, seed=20)
    for name, outcome in outcomes.items():
        print(f"{name}: {outcome}")
    assert {name: outcome.failures for name, outcome in outcomes.items() if outcome.failures} == {}
    assert all(sum(outcome.counts.values()) == 15 for outcome in outcomes.values())


@pytest.mark.parametrize("name", READERS)
def test_whole_files_are_read_and_damage_is_the_same_each_time(tmp_path, name):
    reader = READERS[name]
    valid = reader.valid()
    for content in valid:
        path = tmp_path / reader.file_name
        path.write_bytes(content)
        reader.read(path)
    assert damaged(reader, valid, 3, 4) == damaged(reader, reader.valid(), 3, 4)
    assert damaged(reader, valid, 3, 4) != damaged(reader, valid, 3, 5)

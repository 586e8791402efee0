"""Steps in processes with other variables: a row for each, and nothing of ours set in them."""

import math
import os

import pytest

from benchmarks import threads


@pytest.mark.integration
def test_a_row_is_two_numbers(monkeypatch, capsys, numbers_of):
    monkeypatch.setattr(threads, "VARIANTS", {"one thread": {"OMP_NUM_THREADS": "1"}})
    threads.main(["--steps", "1", "--side", "8"])
    _, row = capsys.readouterr().out.splitlines()
    assert row.startswith("one thread")
    found = numbers_of(row[26:])
    assert len(found) == 2
    assert all(math.isfinite(number) for number in found)


@pytest.mark.parametrize("variables", threads.VARIANTS.values(), ids=list(threads.VARIANTS))
def test_a_process_has_the_variables_of_its_row_alone(variables, monkeypatch):
    seen = {}

    class Done:
        stdout = b"1.5\n"

    def start(words, env, **_):
        seen.update(env)
        return Done()

    for name in threads.READ_BY_OPENMP:
        monkeypatch.setenv(name, "of this process")
    monkeypatch.setattr(threads.subprocess, "run", start)
    assert threads.measure(variables, 1, 8) == 1.5
    given = {name: value for name, value in seen.items() if name in threads.READ_BY_OPENMP}
    assert given == {name: value for name, value in variables.items() if value}
    assert seen["PATH"] == os.environ["PATH"]

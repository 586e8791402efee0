"""Examples in the docstrings of this room, which has no public names that tests/test_examples.py would run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

MODULES = sorted(path.stem for path in (Path(__file__).parents[2] / "planning").glob("[!_]*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name):
    assert doctest.testmod(import_module(f"ramify.planning.{name}")).failed == 0


def test_there_are_some():
    assert "training" in MODULES

"""Examples in the docstrings of this room, which has no public names that tests/test_examples.py would run."""

import doctest
import pkgutil
from importlib import import_module

import pytest

from ramify import planning

MODULES = [module.name for module in pkgutil.iter_modules(planning.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name):
    assert doctest.testmod(import_module(f"ramify.planning.{name}")).failed == 0


def test_there_are_some():
    assert "training" in MODULES

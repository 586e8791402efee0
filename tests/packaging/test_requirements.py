"""Two lists of packages: what Ramify can run on (pyproject.toml), and what it is tested on (requirements*.txt)."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ramify.models.extras import EXTRAS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRA_PACKAGES = [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]


def requirements_in(name: str) -> dict[str, Requirement]:
    """What a file of requirements names, by package."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(one.name): one for one in found}


def pinned(one: Requirement) -> str:
    """The version in `name==version`."""
    (only,) = one.specifier
    assert only.operator == "=="
    return only.version


def bounds() -> dict[str, Requirement]:
    found = [Requirement(line) for line in PROJECT["dependencies"]]
    return {canonicalize_name(one.name): one for one in found}


def test_both_lists_name_the_same_packages():
    assert set(requirements_in("requirements.txt")) == set(bounds())


@pytest.mark.parametrize("name", bounds())
def test_what_is_tested_is_within_the_bounds(name):
    bound = bounds()[name]
    assert [one.operator for one in bound.specifier] == [">="], "a lower bound, and no more than that"
    assert bound.specifier.contains(pinned(requirements_in("requirements.txt")[name]))


@pytest.mark.parametrize("extra", EXTRA_PACKAGES, ids=str)
def test_what_is_tested_of_the_extras_is_within_their_bounds(extra):
    known = {**requirements_in("requirements-nnunet.txt"), **requirements_in("requirements-dev.txt")}
    if extra.name in known:
        assert extra.specifier.contains(pinned(known[extra.name]))
    else:
        pins = re.findall(rf"{extra.name}==([\w.]+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
        assert pins or extra.name == "timm", "timm alone is in no environment that make builds"
        assert all(extra.specifier.contains(version) for version in pins)


def test_messages_name_packages_that_an_extra_brings_too():
    """They name the package itself: PyPI's `ramify` is another project, and its extras are not these."""
    told = {words.split()[-1].partition("=")[0] for words in EXTRAS.values()}
    for room in ("losses", "tuning", "processes"):
        for path in (ROOT / room).glob("*.py"):
            told |= set(re.findall(r"pip install '?([\w-]+)", path.read_text(encoding="utf-8")))
    for path in (ROOT / "exporting", ROOT / "vessels"):
        for text in (each.read_text(encoding="utf-8") for each in path.glob("*.py")):
            told |= {
                given
                for words in re.findall(r'optional_package\(\w+, "[^"]+", "([^",]+)', text)
                for given in words.split()
            }
            told |= {given for words in re.findall(r'^INSTALL = "([^",]+)', text, re.M) for given in words.split()}
            told |= set(re.findall(r'optional_package\("\w+", "[^"]+", "([\w-]+)"', text))
    assert told == {one.name for one in EXTRA_PACKAGES}


@pytest.mark.parametrize("extra", ["bundle", "onnx"])
def test_extras_that_messages_name_are_there(extra):
    told = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "exporting").glob("*.py"))
    assert f"Ramify's extra `{extra}` brings" in told
    assert extra in PROJECT["optional-dependencies"]

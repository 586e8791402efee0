"""An installed copy, away from the checkout: what it loads, and what it says of itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.building import install

NEVER_TORCH = ("metrics", "vessels", "phantoms", "comparison")
LOADED_BY_IMPORT = """
import sys
before = set(sys.modules)
import ramify
print(ramify.__file__)
print(sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))
"""
LOADED_BY_ROOM = """
import importlib, pkgutil, sys
room = importlib.import_module("ramify." + sys.argv[1])
names = [module.name for module in pkgutil.walk_packages(room.__path__, room.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(len(names), "torch" in sys.modules)
"""


def python(code: str, *words: str, site: Path, folder: Path) -> list[str]:
    """What a program prints that runs in a folder with the packages of a site."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_import_ramify_loads_ramify_alone(site, tmp_path):
    where, loaded = python(LOADED_BY_IMPORT, site=site, folder=tmp_path)
    assert where == str(site / "ramify" / "__init__.py")
    assert loaded == "['ramify']"


@pytest.mark.parametrize("room", NEVER_TORCH)
def test_geometry_and_scores_load_no_torch_whatever_is_imported_of_them(room, site, tmp_path):
    (said,) = python(LOADED_BY_ROOM, room, site=site, folder=tmp_path)
    count, torch = said.split()
    assert int(count) > 5
    assert torch == "False"


def test_shipped_settings_are_found_beside_the_rooms(site, tmp_path):
    code = "from pathlib import Path; from ramify.command_line.shipped_settings import find_settings as find"
    (found,) = python(f"{code}; print(find(Path('configs/paper.yaml')))", site=site, folder=tmp_path)
    assert found == str(site / "ramify" / "configs" / "paper.yaml")


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("place", ["venv/lib/site-packages", "."])
@pytest.mark.parametrize("added", [True, False])
def test_the_commit_of_a_repository_around_a_copy_is_not_ours(place, added, wheel, tmp_path):
    """An environment within somebody's project, and packages laid into the project itself; in git or not."""
    install(wheel, tmp_path / place)
    (tmp_path / "own.py").write_text("")
    git(tmp_path, "init")
    git(tmp_path, "add", *(["."] if added else ["own.py"]))
    git(tmp_path, "commit", "-m", "theirs")
    code = "from ramify import version; print(version.__file__, version.commit())"
    (said,) = python(code, site=tmp_path / place, folder=tmp_path)
    assert said == f"{(tmp_path / place).resolve() / 'ramify' / 'version.py'} unknown"

"""What is in the wheel and in the sdist."""

import re
import shutil
import subprocess
from email.parser import BytesParser

import pytest
import yaml

import ramify
from ramify.command_line.program import COMMANDS, script_of
from tests.packaging.building import ROOT, build, contents, unpacked
from tests.test_floors import FLOORS

BESIDE_CODE = {".css", ".js", ".py"}


def test_the_wheel_holds_every_room_command_and_setting_and_nothing_else(wheel):
    info = f"ramify-{ramify.__version__}.dist-info/"
    packed = {name for name in contents(wheel) if not name.startswith(info)}
    rooms = [path for room in FLOORS for path in (ROOT / room).rglob("*") if path.suffix in BESIDE_CODE]
    settings = list((ROOT / "configs").rglob("*.yaml"))
    weights = [path for path in (ROOT / "weights").rglob("*") if path.suffix in (".pt", ".md")]
    wanted = {path.relative_to(ROOT).as_posix() for path in rooms + settings + weights}
    wanted |= {path.name for path in (ROOT / "ramify").iterdir() if path.is_file()} - {"wheel_layout.py"}
    wanted |= {f"{script_of(name)}.py" for name in COMMANDS}
    assert packed == {f"ramify/{name}" for name in wanted}


def test_what_is_in_the_wheel_is_what_is_in_the_checkout(wheel):
    files = contents(wheel)
    assert files["ramify/report/page.css"] == (ROOT / "report" / "page.css").read_bytes()
    assert files["ramify/train.py"] == (ROOT / "train.py").read_bytes()
    assert files["ramify/__init__.py"] == (ROOT / "ramify" / "__init__.py").read_bytes()


@pytest.fixture
def small_tree(tmp_path):
    """A checkout of one room, console."""
    tree = tmp_path / "tree"
    for name in ("ramify", "console"):
        shutil.copytree(ROOT / name, tree / name)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tree)
    (tree / "configs").mkdir()
    return tree


def test_a_new_room_or_command_is_in_the_wheel_without_an_entry_anywhere(small_tree, tmp_path):
    for name in ("garden/__init__.py", "garden/tree.py", "prune.py", "demo.py", "notes/list.py"):
        (small_tree / name).parent.mkdir(exist_ok=True)
        (small_tree / name).write_text('"""New."""\n')
    packed = contents(build(small_tree, "wheel", tmp_path / "built"))
    assert {"ramify/garden/__init__.py", "ramify/garden/tree.py", "ramify/prune.py"} <= set(packed)
    # The demo serves the checkout alone, and a folder is a room if it says so.
    assert not [name for name in packed if "demo" in name or "list" in name]


def test_weights_and_their_cards_are_published(small_tree, tmp_path):
    (small_tree / "weights").mkdir()
    for name in ("tiny.pt", "tiny.md", "tiny.nii.gz"):
        (small_tree / "weights" / name).write_bytes(b"weights")
    tree = unpacked(build(small_tree, "sdist", tmp_path / "sdist"), tmp_path / "unpacked")
    packed = contents(build(tree, "wheel", tmp_path / "wheel"))
    weights = {name: content for name, content in packed.items() if "weights" in name}
    assert weights == {"ramify/weights/tiny.pt": b"weights", "ramify/weights/tiny.md": b"weights"}


def test_what_somebody_keeps_beside_the_code_is_not_published(small_tree, tmp_path):
    for name in ("console/patient_7.nii.gz", "console/3Dircadb1.1/image_0", "console/notes.csv"):
        (small_tree / name).parent.mkdir(exist_ok=True)
        (small_tree / name).write_bytes(b"a patient")
    packed = {*contents(build(small_tree, "wheel", tmp_path / "wheel"))}
    tree = unpacked(build(small_tree, "sdist", tmp_path / "sdist"), tmp_path / "unpacked")
    packed |= {path.relative_to(tree).as_posix() for path in tree.rglob("*")}
    assert {"ramify/console/progress.py", "console/progress.py"} <= packed
    assert not [name for name in packed if "patient" in name or "image_0" in name or "notes" in name]


def test_in_a_git_checkout_trials_beside_the_code_are_not_published(small_tree, tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=small_tree, check=True)
    subprocess.run(["git", "add", "."], cwd=small_tree, check=True)
    for name in ("my_notes.py", "scratch/__init__.py", "console/trial.py"):
        (small_tree / name).parent.mkdir(exist_ok=True)
        (small_tree / name).write_text('"""Not yet."""\n')
    packed = contents(build(small_tree, "wheel", tmp_path / "wheel"))
    assert "ramify/console/progress.py" in packed
    assert not [name for name in packed if "my_notes" in name or "scratch" in name or "trial" in name]


def test_links_for_type_checkers_take_no_room_out_of_the_sdist(small_tree, tmp_path):
    (small_tree / ".types").mkdir()
    (small_tree / ".types" / "console").symlink_to("../console", target_is_directory=True)
    tree = unpacked(build(small_tree, "sdist", tmp_path / "sdist"), tmp_path / "unpacked")
    assert (tree / "console" / "__init__.py").is_file()
    assert not (tree / ".types").exists()


def test_the_sdist_makes_the_same_wheel(wheel, tmp_path):
    tree = unpacked(build(ROOT, "sdist", tmp_path / "sdist"), tmp_path / "tree")
    assert contents(build(tree, "wheel", tmp_path / "wheel")) == contents(wheel)
    # Whoever has it can run the tests and read the documents.
    for name in ("tests/conftest.py", "docs/architecture.md", "Makefile", "requirements.txt", "CITATION.cff"):
        assert (tree / name).is_file()


def test_what_the_wheel_says_of_itself(wheel):
    files = contents(wheel)
    info = f"ramify-{ramify.__version__}.dist-info"
    said = BytesParser().parsebytes(files[f"{info}/METADATA"])
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("ramify", ramify.__version__, "Apache-2.0")
    assert said["Requires-Python"] == ">=3.11"
    extras = {"branches", "cluster", "bundle", "gudhi", "nnunet", "onnx", "postgres", "timm"}
    assert set(said.get_all("Provides-Extra")) == extras
    assert b"ramify = ramify.command_line.program:main" in files[f"{info}/entry_points.txt"]
    assert files[f"{info}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()


def test_a_version_is_said_in_one_place():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == ramify.__version__
    latest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert latest is not None
    assert latest[1] == ramify.__version__

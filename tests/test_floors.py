"""The house keeps its floors: who may import whom, and no drawer without a name."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS: dict[str, set[str]] = {
    "compilation": set(),
    "console": set(),
    "processes": set(),
    "disk": {"processes"},
    "vessels": {"compilation"},
    "phantoms": {"compilation"},
    "appearance": {"phantoms"},
    "drawing": {"disk", "vessels"},
    "data": {"compilation", "processes", "disk", "phantoms", "appearance", "tasks"},
    "planning": {"models"},
    "preprocessing": {"console", "processes", "disk", "data", "vessels", "metrics", "drawing", "tasks", "planning"},
    "synthesis": {"appearance", "console", "processes", "data", "phantoms", "preprocessing"},
    "tasks": set(),
    "models": {"tasks"},
    "losses": {"compilation", "tasks", "vessels"},
    "metrics": {"compilation", "console", "vessels", "tasks"},
    "comparison": {"console", "disk", "data", "metrics", "drawing"},
    "training": {
        "console",
        "appearance",
        "processes",
        "disk",
        "data",
        "preprocessing",
        "planning",
        "tasks",
        "models",
        "losses",
        "metrics",
        "drawing",
        "vessels",
    },
    "cleaning": {"data", "vessels", "tasks", "training", "comparison"},
    "tuning": {"console", "processes", "disk", "data", "training", "drawing"},
    "experiments": {"console", "processes", "disk", "data", "metrics", "tasks", "training", "comparison", "drawing"},
    "analysis": {
        *("console", "processes", "disk", "data", "vessels", "metrics", "drawing", "report", "preprocessing"),
        "comparison",
    },
    "report": {"compilation", "disk", "data", "vessels", "metrics", "drawing", "comparison", "tasks"},
    "evaluation": {"console", "processes", "disk", "data", "preprocessing", "metrics", "report", "tasks"},
    "transforms": {"vessels"},
    "exporting": {"console", "disk", "preprocessing", "tasks", "models", "training", "vessels"},
    "nnunet": {"processes", "disk", "preprocessing", "tasks", "models", "losses", "vessels"},
    "command_line": {"console"},
}
# What a command does may be of any room.
FLOORS["stages"] = {*FLOORS}
SCRIPTS = {path.stem for path in ROOT.glob("*.py")}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc"}
TORCH_FREE = (
    "vessels",
    "phantoms",
    "appearance",
    "preprocessing",
    "metrics",
    "comparison",
    "tasks",
    "planning",
    "analysis",
)


def files_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def all_files() -> list[Path]:
    """Every file of ours, tests among them."""
    folders = [*FLOORS, "benchmarks", "tests", "docs", "ramify"]
    return [*ROOT.glob("*.py"), *(path for folder in folders for path in files_of(folder))]


@functools.cache
def imported_modules(code: str) -> set[str]:
    """Modules that code imports, wherever in it; of `from package import name` both package and package.name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def imported_packages(code: str) -> set[str]:
    """Packages that code imports; ours by the name of the room or script, as `losses` of `ramify.losses.dice`."""
    parts = [module.split(".") for module in imported_modules(code)]
    return {names[1] if names[0] == "ramify" and len(names) > 1 else names[0] for names in parts}


def packages_of(path: Path) -> set[str]:
    return imported_packages(path.read_text(encoding="utf-8"))


def not_allowed(room: str, code: str) -> set[str]:
    """What code of this room imports and may not."""
    return (imported_packages(code) & (set(FLOORS) | SCRIPTS | {"benchmarks", "tests"})) - FLOORS[room] - {room}


def not_ours(code: str) -> set[str]:
    """Our rooms and scripts imported by another name than `ramify.` and their own, or from where the file stands."""
    ours = set(FLOORS) | SCRIPTS
    modules = imported_modules(code)
    return {module for module in modules if module.split(".")[0] in ours - {"demo"} or module.startswith(".")}


@pytest.mark.parametrize("room", FLOORS)
def test_a_room_imports_only_from_its_floors(room):
    files = files_of(room)
    assert files, f"{room} has no code"
    for path in files:
        foreign = not_allowed(room, path.read_text(encoding="utf-8"))
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


@pytest.mark.parametrize(
    "line",
    [
        "from ramify.training.loop import train_run",
        "import ramify.training.loop",
        "import ramify.training.loop as loop",
        "from ramify import training",
        "def late():\n    from ramify.training import loop",
        "from ramify.train import main",
        "from benchmarks.cost import measure",
    ],
)
def test_a_forbidden_import_is_seen_however_it_is_written(line):
    assert not_allowed("losses", line)
    assert not not_allowed("losses", line.replace("training", "compilation")) or "training" not in line


@pytest.mark.parametrize("line", ["from losses.dice import dice_loss", "import losses", "from .dice import dice_loss"])
def test_a_room_has_one_name(line):
    assert not_ours(line)
    assert not not_ours("from ramify.losses.dice import dice_loss")


def test_every_import_of_ours_begins_with_ramify():
    """A module imported under two names is two modules, with two of each class in it."""
    for path in all_files():
        bare = not_ours(path.read_text(encoding="utf-8"))
        assert not bare, f"{path.relative_to(ROOT)} imports {sorted(bare)} without `ramify.`"


def test_every_room_has_a_floor():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"ramify", "benchmarks"}
    assert rooms == set(FLOORS)


def test_phantoms_are_known_to_an_adapter_and_its_settings_alone():
    users = {path.name for path in files_of("data") if "phantoms" in packages_of(path)}
    assert users == {"phantom.py", "form_settings.py"}


@pytest.mark.parametrize("room", TORCH_FREE)
def test_geometry_needs_no_torch(room):
    for path in files_of(room):
        assert "torch" not in packages_of(path), path.relative_to(ROOT)


def test_a_report_loads_torch_for_tensorboard_alone():
    users = {path.name for path in files_of("report") if "torch" in packages_of(path)}
    assert users == {"event_log.py"}


def test_kernels_are_compiled_in_one_way():
    users = {path.parent.name for room in FLOORS for path in files_of(room) if "numba" in packages_of(path)}
    assert users == {"compilation"}


def test_simpleitk_stays_in_the_file_room():
    users = {room for room in FLOORS for path in files_of(room) if "SimpleITK" in packages_of(path)}
    assert users == {"data"}


def test_no_drawer_without_a_name():
    named = [path for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    assert len(named) > 50
    assert not [path for path in named if path.stem in DRAWERS or DRAWERS & set(path.relative_to(ROOT).parts[:-1])]


def test_the_list_of_files_is_that_of_the_files():
    page = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    script = "import list_files; print(list_files.page(), end='')"
    written = subprocess.run([sys.executable, "-c", script], cwd=ROOT / "docs", capture_output=True, check=True)
    assert written.stdout.decode() == page, "run `python docs/list_files.py`"
    assert all(not line.endswith(": ") for line in page.splitlines()), "a file says nothing of itself"

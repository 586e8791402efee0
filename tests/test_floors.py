"""The house keeps its floors: who may import whom, and no drawer without a name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS: dict[str, set[str]] = {
    "compilation": set(),
    "console": set(),
    "processes": set(),
    "vessels": {"compilation"},
    "data": {"compilation", "processes", "vessels"},
    "preprocessing": {"console", "processes", "data", "vessels"},
    "models": set(),
    "losses": {"compilation"},
    "metrics": {"compilation", "console", "vessels"},
    "training": {"console", "processes", "data", "preprocessing", "models", "losses", "metrics"},
    "tuning": {"console", "processes", "training", "data"},
    "experiments": {"console", "processes", "training", "metrics", "data"},
    "report": {"compilation", "data", "vessels", "preprocessing", "metrics", "experiments"},
    "evaluation": {"console", "processes", "data", "preprocessing", "metrics", "report"},
    "command_line": {"console"},
}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc"}
TORCH_FREE = ("vessels", "preprocessing", "metrics")


def files_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported_packages(path: Path) -> set[str]:
    """Top-level packages a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", FLOORS)
def test_a_room_imports_only_from_its_floors(room):
    files = files_of(room)
    assert files, f"{room} has no code"
    for path in files:
        foreign = (imported_packages(path) & set(FLOORS)) - FLOORS[room] - {room}
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


def test_only_the_phantom_adapter_reaches_from_data_to_vessels():
    users = {path.name for path in files_of("data") if "vessels" in imported_packages(path)}
    assert users <= {"phantom.py"}


@pytest.mark.parametrize("room", TORCH_FREE)
def test_geometry_needs_no_torch(room):
    for path in files_of(room):
        assert "torch" not in imported_packages(path), path.relative_to(ROOT)


def test_a_report_loads_torch_for_tensorboard_alone():
    users = {path.name for path in files_of("report") if "torch" in imported_packages(path)}
    assert users == {"event_log.py"}


def test_kernels_are_compiled_in_one_way():
    users = {path.parent.name for room in FLOORS for path in files_of(room) if "numba" in imported_packages(path)}
    assert users == {"compilation"}


def test_simpleitk_stays_in_the_file_room():
    users = {room for room in FLOORS for path in files_of(room) if "SimpleITK" in imported_packages(path)}
    assert users == {"data"}


def test_no_drawer_without_a_name():
    named = [path for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    assert len(named) > 50
    assert not [path for path in named if path.stem in DRAWERS or DRAWERS & set(path.relative_to(ROOT).parts[:-1])]


def test_every_file_stands_in_the_plan_of_the_house():
    plan = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Every file")[1].split("```")[1]
    shown, room = set(), ""
    for line in plan.splitlines():
        name = line.split("  ")[0 if line[:1] != " " else 1].strip()
        if line[:1] not in ("", " "):
            room = name if name.endswith("/") else ""
        shown.add(name if line[:1] != " " else room + name)
    rooms = (*FLOORS, "benchmarks")
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*.py")}
    files |= {path.relative_to(ROOT).as_posix() for room in rooms for path in files_of(room)}
    missing = {name for name in files if not name.endswith("__init__.py")} - shown
    assert not missing, f"docs/architecture.md lacks {sorted(missing)}"
    gone = {name for name in shown if name.endswith(".py")} - files
    assert not gone, f"docs/architecture.md names {sorted(gone)}, which are gone"

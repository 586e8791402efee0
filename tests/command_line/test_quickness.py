"""What is heavy is not loaded to read flags: --help and what is wrong with them need not wait for it.

Imports are followed in the code, from each script on: what a function imports is loaded when it is called.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "scipy", "numba", "SimpleITK", "matplotlib", "skimage", "optuna", "monai", "h5py", "tifffile", "PIL"}
HEAVY |= {"tensorboard", "imagecodecs", "pandas"}


def file_of(module: str) -> Path | None:
    """Where a module of ours lies."""
    place = ROOT.joinpath(*module.split(".")[1:])
    if module.split(".")[0] != "ramify" or place == ROOT:
        return None
    places = (place.with_suffix(".py"), place / "__init__.py", ROOT / "ramify" / f"{place.name}.py")
    return next((path for path in places if path.is_file()), None)


def imported_at_once(path: Path) -> set[str]:
    """Modules that are imported where a file is: not in its functions, nor for type checkers alone."""
    found, left = set(), list(ast.parse(path.read_text(encoding="utf-8")).body)
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.If):
            for_checkers = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            left += [*node.orelse, *([] if for_checkers else node.body)]
    return {".".join(name.split(".")[:end]) for name in found for end in range(1, 1 + len(name.split(".")))}


def loaded_by(script: Path) -> dict[str, str]:
    """Every module -> the file that imports it first."""
    found: dict[str, str] = {}
    left = [script]
    while left:
        path = left.pop()
        for module in imported_at_once(path):
            if module not in found:
                found[module] = str(path.relative_to(ROOT))
                left += [its] if (its := file_of(module)) else []
    return found


@pytest.mark.parametrize("script", sorted(path.stem for path in ROOT.glob("*.py")))
def test_flags_are_read_without_what_is_heavy(script):
    loaded = loaded_by(ROOT / f"{script}.py")
    assert "ramify.command_line.parsing" in loaded
    heavy = {module: by for module, by in loaded.items() if module in HEAVY}
    assert not heavy, heavy


def test_what_is_imported_at_once_is_found(tmp_path):
    (tmp_path / "x.py").write_text(
        "import a.b\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import c\nelse:\n    from d import e\n"
        "def f():\n    import g\n",
        encoding="utf-8",
    )
    assert imported_at_once(tmp_path / "x.py") == {"a", "a.b", "typing", "typing.TYPE_CHECKING", "d", "d.e"}

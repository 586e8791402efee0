"""Write docs/files.md, the list of every file: run `python docs/list_files.py` when one has come, gone or changed.

What a file is for is said once, by the first line of its docstring.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "files.md"
ELSEWHERE = {"tests", "docs"}
HEAD = """# Every file

Written by `python docs/list_files.py` from the first line of each file's docstring. Which room may import which:
[architecture.md](architecture.md).
"""


def rooms() -> list[Path]:
    """Folders of the checkout that hold code for users, sorted by name."""
    return sorted(path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name not in ELSEWHERE)


def first_line(path: Path) -> str:
    """What a file says it is; empty if it says nothing."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].strip()


def listed(folder: Path, files: list[Path]) -> list[str]:
    """A line for each file, named from its room."""
    return [f"- `{path.relative_to(folder).as_posix()}`: {first_line(path)}" for path in files]


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Commands\n", *listed(ROOT, sorted(ROOT.glob("*.py")))]
    for room in rooms():
        files = sorted(path for path in room.rglob("*.py") if path.name != "__init__.py" or path.parent != room)
        parts += [f"\n## {room.name}/\n", f"{first_line(room / '__init__.py')}\n", *listed(room, files)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

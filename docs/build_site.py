"""What mkdocs is told about this checkout: the pages at its root, and a page of each room's public names.

README, CONTRIBUTING and CHANGELOG lie at the root, where GitHub shows them, and become pages of the site; links to
them from docs/, and from them into docs/, are turned accordingly. A room's page lists what its `__all__` names, and
mkdocstrings fills it in from the docstrings. Used by `make docs` (mkdocs.yml, hooks).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
ASSETS = ("LICENSE", "CITATION.cff")
ROOMS = (
    "losses",
    "models",
    "tasks",
    "metrics",
    "vessels",
    "phantoms",
    "data",
    "preprocessing",
    "training",
    "transforms",
    "nnunet",
    "comparison",
    "report",
    "analysis",
)
INDEX = """# Interface

What is imported by name, a page a room: functions, classes and settings with their shapes, units and errors, and an
example of each function and class, which the tests run.

```python
from ramify.losses import soft_cldice_loss
from ramify.metrics import cldice
```

A name is loaded when it is asked for: `import ramify` loads nothing, and `ramify.vessels`, `ramify.phantoms`,
`ramify.metrics`, `ramify.tasks`, `ramify.comparison` and `ramify.analysis` never load torch. Arrays have their axes as
z, y, x (2D: y, x), lengths are in millimetres. What is not listed here is the rooms' own, and may move.

| room | what it has |
| --- | --- |
"""
_LINK = re.compile(r"(\]\()([^()\s#]+)")
_LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^>]*>")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the root's pages, the files they link to, and the rooms' pages to those of docs/."""
    for name, place in PAGES.items():
        text = _LINK.sub(_from_root, (ROOT / name).read_text(encoding="utf-8"))
        files.append(File.generated(config, place, content=text))
    for name in ASSETS:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    rows = [f"| [ramify.{room}]({room}.md) | {_first_line(_parsed(_init(room)))} |" for room in ROOMS]
    files.append(File.generated(config, "api/index.md", content=INDEX + "\n".join(rows) + "\n"))
    for room in ROOMS:
        files.append(File.generated(config, f"api/{room}.md", content=_room_page(room)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn a page's links to the root's pages."""
    return markdown if page.file.src_uri in PAGES.values() else _LINK.sub(_from_docs, markdown)


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """Refuse a page that would load something from elsewhere: it is to be read offline."""
    if found := _LOADED.search(output):
        raise PluginError(f"{page.file.src_uri}: loads {found[0]} from the network")
    return output


def _from_root(link: re.Match[str]) -> str:
    target = link[2].removeprefix("docs/")
    return link[1] + PAGES.get(target, target)


def _from_docs(link: re.Match[str]) -> str:
    name = link[2].removeprefix("../")
    return link[1] + (PAGES[name] if link[2].startswith("../") and name in PAGES else link[2])


def _room_page(room: str) -> str:
    """Tables of the room's functions, classes and settings, then each of them."""
    init = _parsed(_init(room))
    found: dict[str, list[tuple[str, str]]] = {"Functions": [], "Classes": [], "Settings": []}
    for name, node in sorted(_public(init)):
        if isinstance(node, ast.FunctionDef):
            found["Functions"].append((name, _first_line(node)))
        else:
            found["Settings" if name.endswith("Settings") else "Classes"].append((name, _first_line(node)))
    lines = [f"# ramify.{room}", "", _first_line(init), ""]
    for kind, members in found.items():
        if members:
            lines += [f"| {kind.lower()} | |", "| --- | --- |"]
            lines += [f"| [`{name}`][ramify.{room}.{name}] | {_in_a_cell(told)} |" for name, told in members] + [""]
    for kind, members in found.items():
        if members:
            lines += [f"## {kind}", ""]
            lines += [f"::: ramify.{room}.{name}\n" for name, _ in members]
    return "\n".join(lines)


def _public(init: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """The functions and classes that a room's `__init__.py` names, from the modules that it imports them from."""
    for statement in ast.walk(init):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").count(".") > 1:
            module = statement.module or ""
            place = ROOT.joinpath(*module.split(".")[1:])
            code = _parsed(place / "__init__.py" if place.is_dir() else place.with_suffix(".py"))
            wanted = {alias.name for alias in statement.names}
            for node in code.body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in wanted:
                    yield node.name, node


def _init(room: str) -> Path:
    return ROOT / room / "__init__.py"


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _first_line(node: ast.Module | ast.FunctionDef | ast.ClassDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0]


def _in_a_cell(text: str) -> str:
    """Text that a table takes as it stands: |P ∩ T| and β_1 are no markup."""
    return re.sub(r"([|*_<\[\]])", r"\\\1", text)

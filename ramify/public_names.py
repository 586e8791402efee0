"""What a room offers by name, each name loaded when it is asked for (PEP 562).

A room's `__init__.py` imports its public names where only type checkers look, and those imports are all there is to
say: `from ramify.data import Volume` loads what Volume needs and nothing else of the room, torch least of all.
"""

import ast
import pkgutil
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


def loaded_when_asked_for(room: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A room's `__getattr__` and `__dir__`, from what its `__init__.py` imports under `if TYPE_CHECKING`.

    No name may be that of a module of the room: such a name would mean one or the other, by who was imported first.

    Args:
        room: the room's full name, its `__name__`.
    """

    @cache
    def homes() -> dict[str, str]:
        return _imported_for_type_checkers((pkgutil.get_data(room, "__init__.py") or b"").decode("utf-8"))

    def load(name: str) -> Any:
        if name.startswith("__") or name not in homes():
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(import_module(homes()[name]), name)
        setattr(sys.modules[room], name, value)
        return value

    return load, lambda: sorted({*vars(sys.modules[room]), *homes()})


def _imported_for_type_checkers(code: str) -> dict[str, str]:
    """Name -> module of every `from module import name` under `if TYPE_CHECKING`."""
    guarded = [
        statement
        for node in ast.parse(code).body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
    ]
    return {
        alias.name: statement.module
        for statement in guarded
        if isinstance(statement, ast.ImportFrom) and statement.module
        for alias in statement.names
    }

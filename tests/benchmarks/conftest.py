"""What is measured is measured in this process: starting others takes longer than a tiny benchmark."""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], None]:
    """A function that lets a benchmark call what it would give to a process of its own."""

    def here(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return lambda module: monkeypatch.setattr(module, "in_own_process", here)


@pytest.fixture
def numbers_of() -> Callable[[str], list[float]]:
    """A function that gives the numbers of a row without its name; a `nan` or `inf` among them is one."""

    def numbers(row: str) -> list[float]:
        return [float(word) for word in re.findall(r"(?<![\w.])[+-]?(?:\d+(?:\.\d+)?|nan|inf)", row)]

    return numbers

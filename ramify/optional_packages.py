"""Packages that only some parts need: imported when a part is used, and missed in one line."""

import importlib
from typing import Any


def optional_package(module: str, needed_by: str, install: str) -> Any:
    """Import a module of a package that may be missing.

    Args:
        module: its name, such as `onnx` or `monai.bundle`.
        needed_by: what needs it, as its user calls it.
        install: what to give to pip.

    Raises ValueError where the package, or one that it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"{needed_by}: needs {error.name}, which is not installed; pip install {install}") from None

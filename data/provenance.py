"""With what a result was made: versions of the packages and the commit of the code."""

import functools
import platform
from collections.abc import Mapping
from importlib import metadata

from ramify import __version__
from ramify.version import commit

PACKAGES = ("torch", "numpy", "scipy", "scikit-image", "SimpleITK", "monai", "numba")


def versions() -> dict[str, str]:
    """Versions of Ramify, of Python and of every package that results depend on, and the commit of this code."""
    return dict(_found())


@functools.cache
def _found() -> Mapping[str, str]:
    # They are what was loaded: a process has one answer.
    found = {"ramify": __version__, "python": platform.python_version(), "commit": commit()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found

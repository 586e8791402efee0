"""With what a result was made: versions of the packages and the commit of the code."""

import functools
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from ramify import __version__

CODE = Path(__file__).parents[1]
THIS = Path(__file__).relative_to(CODE).as_posix()
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


def commit() -> str:
    """Commit of the code, with `-dirty` where files were changed since; `unknown` outside a git checkout of its own."""
    # A repository around an installed or unpacked copy is another program's; one that stands here keeps this file.
    if not (CODE / ".git").exists() or _git("ls-files", "--error-unmatch", THIS) is None:
        return "unknown"
    return _git("describe", "--always", "--dirty", "--abbrev=12") or "unknown"


def _git(*words: str) -> str | None:
    """What git says of the code; None where it has nothing to say."""
    # Where a hook or a tool has named its own repository, that is not ours either.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        said = subprocess.run(
            ["git", *words], cwd=CODE, env=environment, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()

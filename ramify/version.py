"""Which Ramify this is: its version, its commit, and what it runs on."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from ramify import __version__

_HERE = Path(__file__).parent
# An installed copy has the rooms inside this folder, a checkout beside it.
CODE = _HERE if (_HERE / "losses").is_dir() else _HERE.parent
THIS = Path(__file__).relative_to(CODE).as_posix()


def version_line() -> str:
    """Ramify's version and commit, Python's, and that of torch, in one line; torch is not loaded."""
    found = commit()
    own = f"ramify {__version__}" + (f" (commit {found})" if found != "unknown" else "")
    try:
        torch = f"torch {metadata.version('torch')}"
    except metadata.PackageNotFoundError:
        torch = "no torch"
    return f"{own}, Python {platform.python_version()}, {torch}"


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

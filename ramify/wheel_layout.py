"""What the wheel holds: the rooms, commands, settings and weights of the checkout as ramify/NAME, and no other package.

Run by hatchling (pyproject.toml) while a wheel is built; an installed copy does not have it. `__init__.py` finds the
same rooms where they stand in a checkout.
"""

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NOT_PACKED = {"benchmarks", "demo.py", "ramify"}
"""Of what looks like a room or a command: what serves the checkout alone, and the package that the rest goes into."""
SETTINGS = "configs"
WEIGHTS = "weights"
PACKED = {".py", ".css", ".js", ".yaml"}
"""What rooms are made of. Whatever else lies in a checkout, such as images in `data/`, is somebody's own."""
PACKED_WEIGHTS = {".pt", ".md"}
"""Checkpoints and their cards, of the folder of shipped weights."""


class WheelLayout(BuildHookInterface[Any]):
    """Every folder with an __init__.py is a room, every script a command; a new one needs no entry anywhere.

    In a git checkout only what git tracks counts: notes and trials beside it are not published.
    """

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; an editable install (`version`) is a link to the checkout, and has them already."""
        if version == "editable":
            return
        root = Path(self.root)
        tracked = tracked_files(root)
        tops = [*(path.parent for path in root.glob("*/__init__.py")), *root.glob("*.py")]
        for top in [*tops, root / SETTINGS, root / WEIGHTS]:
            files = sorted(top.rglob("*")) if top.is_dir() else [top]
            suffixes = PACKED_WEIGHTS if top.name == WEIGHTS else PACKED
            wanted = [file for file in files if file.suffix in suffixes and (tracked is None or file in tracked)]
            if top.name not in NOT_PACKED:
                build_data["force_include"].update({str(file): f"ramify/{file.relative_to(root)}" for file in wanted})


def tracked_files(root: Path) -> set[Path] | None:
    """What git tracks of a checkout; None where this is none, as an unpacked sdist."""
    if not (root / ".git").exists():
        return None
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True)
    return {root / name for name in listed.stdout.decode().split("\0")}

"""What the wheel holds: the rooms, commands and settings of the checkout as ramify/NAME, and no other package.

Run by hatchling (pyproject.toml) while a wheel is built; an installed copy does not have it. `__init__.py` finds the
same rooms where they stand in a checkout.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LEFT_OUT = {"benchmarks", "demo.py", "ramify"}
"""Of what looks like a room or a command: what serves the checkout alone, and the package that the rest goes into."""
SETTINGS = "configs"


class WheelLayout(BuildHookInterface[Any]):
    """Every folder with an __init__.py is a room, every script a command; a new one needs no entry anywhere."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; an editable install (`version`) is a link to the checkout, and has them already."""
        if version == "editable":
            return
        root = Path(self.root)
        found = [path.parent for path in root.glob("*/__init__.py")] + list(root.glob("*.py")) + [root / SETTINGS]
        wanted = sorted(path for path in found if path.name not in LEFT_OUT)
        build_data["force_include"].update({str(path): f"ramify/{path.name}" for path in wanted})

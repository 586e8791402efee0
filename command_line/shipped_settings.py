"""The settings that come with Ramify: configs/NAME is found from any folder that has no such file itself."""

import difflib
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "configs"
"""Beside the rooms, in a checkout and in an installed copy."""


def find_settings(path: Path) -> Path:
    """The file that a user's path means: that in the working folder, or else the shipped one of that name.

    Raises FileNotFoundError with the near miss.
    """
    if path.is_file():
        return path
    shipped = {f"{FOLDER.name}/{file.relative_to(FOLDER).as_posix()}": file for file in FOLDER.rglob("*.yaml")}
    if found := shipped.get(path.as_posix()):
        return found
    namesakes = sorted(name for name in shipped if name.endswith(f"/{path.name}"))
    near = namesakes or difflib.get_close_matches(path.as_posix(), shipped, n=1, cutoff=0.8)
    hint = f"did you mean {near[0]}?" if near else f"the shipped ones are in {FOLDER}"
    raise FileNotFoundError(f"{path}: no such configuration file; {hint}")

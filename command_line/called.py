"""How a script is called where this one was: `ramify train` by the installed command, else `python train.py`."""

import sys


def called(script: str) -> list[str]:
    """The words before its arguments."""
    # The installed command names itself and the script in one word (`command_line.program`).
    return ["ramify", script] if sys.argv[0].startswith("ramify ") else ["python", f"{script}.py"]

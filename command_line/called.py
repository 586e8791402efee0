"""How a script is called where this one was: `ramify train` by the installed command, else `python train.py`."""

import re
import sys
from pathlib import Path


def called(script: str) -> list[str]:
    """The words before its arguments."""
    # The installed command names itself and the script in one word (`command_line.program`).
    return ["ramify", script.replace("_", "-")] if _installed() else ["python", f"{script}.py"]


def typed(line: str) -> str:
    """A command as it is written for a checkout, `python train.py ...`, as it can be typed here."""
    return re.sub(r"\bpython (\w+)\.py\b", lambda found: " ".join(called(found[1])), line)


def this_script() -> str:
    """The words that called this one."""
    return sys.argv[0] if _installed() else f"python {Path(sys.argv[0]).name}"


def _installed() -> bool:
    return sys.argv[0].startswith("ramify ")

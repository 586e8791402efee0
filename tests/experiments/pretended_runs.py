"""A run that trains nothing and loads nothing: in processes of a crew, one that loads torch starts for seconds."""

import os
import signal
import time
from pathlib import Path

DONE, UNLUCKY, DEADLY, FAULTY = (f"{variant}, fold {fold}, seed 0" for fold in (0, 1) for variant in ("base", "ours"))
REASON = "training stopped at epoch 3: the loss is nan"


def pretend(folders: dict[str, Path], name: str) -> tuple[str, str]:
    """Note that a run is begun; its name, and why it failed, if it did.

    The worker that one of them is at work at is killed, once, and the process of another.
    """
    begun = folders[name] / "begun"
    begun.parent.mkdir(parents=True, exist_ok=True)
    times = len(begun.read_text(encoding="ascii")) if begun.exists() else 0
    begun.write_text("x" * (times + 1), encoding="ascii")
    if name == UNLUCKY and not times:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    if name == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    return name, REASON if name == FAULTY else ""

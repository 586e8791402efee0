"""How much memory this process has had at most."""

import sys
from pathlib import Path

_LINUX_STATUS = Path("/proc/self/status")


def peak_bytes() -> int | None:
    """Highest resident size of this process so far; None where the system does not tell.

    On Linux it is that of this program alone, not what getrusage carries over from the process that started it.
    """
    if _LINUX_STATUS.exists():
        return int(_LINUX_STATUS.read_text(encoding="utf-8").split("VmHWM:")[1].split()[0]) * 1024
    try:
        import resource
    except ImportError:  # not a POSIX system
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

"""How much a file may unpack to: small files that announce terabytes are refused before they fill memory or disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

LIMIT_VARIABLE = "RAMIFY_UNPACK_LIMIT_GB"
_USUAL_RATIO = 200


@dataclass(frozen=True)
class Limit:
    """Up to `always_gb` is allowed whatever the file's size, up to `most_gb` where that is not 200 times its size."""

    always_gb: float
    most_gb: float

    def bytes_for(self, packed: int) -> int:
        """The most that `packed` bytes may unpack to; raises ValueError for a variable that is not a number > 0."""
        given = os.environ.get(LIMIT_VARIABLE, "").strip()
        if not given:
            return int(min(self.most_gb * 1e9, max(self.always_gb * 1e9, packed * _USUAL_RATIO)))
        try:
            limit = float(given)
        except ValueError:
            limit = 0.0
        if not 0 < limit < float("inf"):
            raise ValueError(f"{LIMIT_VARIABLE}: expected a number of gigabytes > 0, got {given!r}")
        return int(limit * 1e9)


VOLUME, PICTURE, ARCHIVE = Limit(4, 20), Limit(1, 2), Limit(4, 20)


def check_unpacked(path: Path, size: int, packed: int, limit: Limit = VOLUME) -> None:
    """Raise ValueError that names the file where its `packed` bytes unpack to more than allowed.

    The environment variable RAMIFY_UNPACK_LIMIT_GB goes in place of the limit.
    """
    allowed = limit.bytes_for(packed)
    if size > allowed:
        raise ValueError(
            f"{path}: unpacks to {size / 1e9:.1f} GB, more than the {allowed / 1e9:g} GB allowed for "
            f"{packed / 1e6:.1f} MB; if that is meant, set {LIMIT_VARIABLE} to more"
        )


def check_memory(path: Path, size: int) -> None:
    """Raise ValueError that names the file where its numbers alone are more than this machine's memory.

    The system would hand out that memory and end the process when it is filled.
    """
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if 0 < memory < size:
            raise ValueError(
                f"{path}: {size / 1e9:.1f} GB of numbers, this machine has {memory / 1e9:.1f} GB of memory"
            )

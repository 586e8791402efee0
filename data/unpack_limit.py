"""How much a file may unpack to: small files that announce terabytes are refused before they fill memory or disk."""

from __future__ import annotations

import os
from pathlib import Path

LIMIT_VARIABLE = "RAMIFY_UNPACK_LIMIT_GB"
VOLUME_LIMIT_GB = 20.0
PICTURE_LIMIT_GB = 2.0
ARCHIVE_LIMIT_GB = 20.0


def check_unpacked(path: Path, size: int, default_gb: float = VOLUME_LIMIT_GB) -> None:
    """Raise ValueError that names the file where it unpacks to more bytes than allowed.

    Allowed are `default_gb`, or what the environment variable RAMIFY_UNPACK_LIMIT_GB says.
    """
    limit = limit_bytes(default_gb)
    if size > limit:
        raise ValueError(
            f"{path}: unpacks to {size / 1e9:.1f} GB, more than the {limit / 1e9:g} GB allowed; "
            f"if that is meant, set {LIMIT_VARIABLE} to more"
        )


def check_fits(path: Path, size: int, default_gb: float = VOLUME_LIMIT_GB) -> None:
    """As check_unpacked, for what is unpacked into memory: no more than this machine has."""
    check_unpacked(path, size, default_gb)
    # The system would hand out the memory and end the process when it is filled.
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if 0 < memory < size:
            raise ValueError(
                f"{path}: {size / 1e9:.1f} GB of numbers, this machine has {memory / 1e9:.1f} GB of memory"
            )


def limit_bytes(default_gb: float) -> int:
    """The limit in bytes; raises ValueError for a variable that is not a number > 0."""
    given = os.environ.get(LIMIT_VARIABLE, "").strip()
    if not given:
        return int(default_gb * 1e9)
    try:
        limit = float(given)
    except ValueError:
        limit = 0.0
    if not 0 < limit < float("inf"):
        raise ValueError(f"{LIMIT_VARIABLE}: expected a number of gigabytes > 0, got {given!r}")
    return int(limit * 1e9)

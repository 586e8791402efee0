"""Data beside its header: one file in the header's own folder, and nowhere else."""

from __future__ import annotations

from pathlib import Path


def beside(header: Path, name: str) -> Path:
    """The data file that a header names; raises ValueError or FileNotFoundError that names both.

    A header from somebody else must not make this program read any file of this machine, so only the header's folder
    and those inside it will do, after links are followed.
    """
    if name.startswith("LIST") or "%" in name or "\0" in name:
        raise ValueError(f"{header}: its data is in several files ({name[:60]!r}); save it as one file")
    data, folder = (header.parent / name).resolve(), header.parent.resolve()
    if not data.is_relative_to(folder):
        raise ValueError(f"{header}: its data {name!r} lies outside {folder}; move both into one folder")
    if not data.is_file():
        raise FileNotFoundError(f"{header}: its data {name!r} is missing beside it; get that file, too")
    return data

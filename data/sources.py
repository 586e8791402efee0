"""From which files a case is made, and how to tell that they are still what they were."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ramify.disk.digests import files_in, fingerprint


@dataclass(frozen=True)
class CaseSources:
    """What a raw case is made from.

    root: the data set's folder (or file), None for one that lies nowhere. paths: the files and folders a case is read
    from, in a fixed order. settings: whatever else shapes it, as plain data.
    """

    root: Path | None
    paths: tuple[Path, ...]
    settings: Mapping[str, Any]

    @property
    def place(self) -> str | None:
        """The root, links followed."""
        return None if self.root is None else str(self.root.resolve())

    def by_name(self) -> dict[str, Path]:
        """Each path by its name as seen from the root: the same on every machine."""
        if self.root is None:
            return {path.as_posix(): path for path in self.paths}
        base = Path(os.path.abspath(self.root if self.root.is_dir() else self.root.parent))
        return {_seen_from(base, Path(os.path.abspath(path))): path for path in self.paths}

    def describe(self) -> list[dict[str, str]]:
        """Each path with the SHA-256 of its content, as plain data."""
        return [{"path": name, "sha256": fingerprint(path)} for name, path in self.by_name().items()]

    def stamps(self) -> dict[str, str]:
        """Each path's stamp, without reading it: see `stamp_of`."""
        return {name: stamp_of(path) for name, path in self.by_name().items()}


def provenance(adapter: str, sources: CaseSources, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a case was made from, as plain data: adapter, the settings that shaped it, source files.

    settings: what became known only when the case was read, on top of those of the sources.
    """
    return {"adapter": adapter, "settings": {**sources.settings, **(settings or {})}, "sources": sources.describe()}


def _seen_from(base: Path, path: Path) -> str:
    # Where a folder of organ masks lies beside the root is no property of the case.
    inside = path.is_relative_to(base)
    return path.relative_to(base).as_posix() if inside else f"../{path.parent.name}/{path.name}"


def stamp_of(path: Path) -> str:
    """What the system notes of a file or of all files of a folder: names, sizes, times of the last change.

    The time of change (ctime) cannot be set back: equal stamps mean equal content. Other stamps need not mean another
    content: a file may have been copied or touched.
    """
    digest = hashlib.sha256()
    for part in files_in(path) if path.is_dir() else [path]:
        status = part.stat()
        name = os.path.relpath(part, path)
        digest.update(
            f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\0".encode(errors="surrogateescape")
        )
    return digest.hexdigest()[:32]

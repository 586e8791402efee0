"""What every data set offers, whatever its folders look like."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from data.raw_case import RawCase

_BLOCK = 1 << 20


class Adapter(Protocol):
    """A data set: which cases it has, and each of them as image, organ, vessels and structures on one grid."""

    def case_ids(self) -> list[str]:
        """Ids of all cases, in a fixed order; raises ValueError that names what lacks its partner."""
        ...

    def load(self, case_id: str) -> RawCase:
        """Read one case; raises ValueError or OSError that names the file at fault."""
        ...


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """A sorting key that puts case 2 before case 10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


def check_root(root: Path, layout: str) -> None:
    """Raise FileNotFoundError that tells the expected layout unless there is such a folder (or file)."""
    if not root.exists():
        raise FileNotFoundError(f"{root}: no such folder; --root names the folder with {layout}")


def unknown_case(case_id: str, cases: Sequence[str], root: Path) -> ValueError:
    """The error for a case the data set lacks, with the name it may have been meant for."""
    near = difflib.get_close_matches(case_id, cases, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(cases[:5])}{', ...' if len(cases) > 5 else ''}"
    return ValueError(f"{root}: holds no case {case_id}; {hint}")


def describe_sources(paths: Iterable[Path], root: Path) -> list[dict[str, str]]:
    """Each path as seen from the root, with the SHA-256 of its content: plain data, equal on every machine."""
    base = root if root.is_dir() else root.parent
    return [{"path": Path(os.path.relpath(path, base)).as_posix(), "sha256": fingerprint(path)} for path in paths]


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files (names and contents, sorted), as hexadecimal digits."""
    digest = hashlib.sha256()
    if path.is_dir():
        for part in sorted(one for one in path.rglob("*") if one.is_file()):
            digest.update(f"{part.relative_to(path).as_posix()}\0{fingerprint(part)}\0".encode())
    else:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def provenance(adapter: str, sources: Iterable[Path], root: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a case was made from, as plain data: adapter, the settings that shaped it, source files."""
    return {"adapter": adapter, "settings": dict(settings), "sources": describe_sources(sources, root)}

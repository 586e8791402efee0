"""Where a TIFF file keeps its pages and their strips or tiles: a chain without loops, and every part there."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

_BEGINNINGS = {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}
_MOST_PAGES = 100_000


def begins_as_tiff(path: Path) -> bool:
    """Whether a file's first bytes are TIFF's, whatever it is called."""
    with path.open("rb") as stream:
        return stream.read(4) in _BEGINNINGS


def check_chain(path: Path) -> None:
    """Follow the chain of pages; raises ValueError that names the file where it is none, leads outside, or loops."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        version = struct.unpack(order + "H", head[2:4])[0] if order and len(head) >= 8 else 0
        if version not in (42, 43) or (version == 43 and len(head) < 16):
            raise ValueError(f"{path}: damaged or not a {path.suffix} file (no TIFF header); get it again")
        big = version == 43
        count_form, entry, offset_form = ("Q", 20, "Q") if big else ("H", 12, "I")
        offset = struct.unpack_from(f"{order}{offset_form}", head, 8 if big else 4)[0]
        seen: set[int] = set()
        while offset:
            if offset in seen or len(seen) >= _MOST_PAGES:
                raise ValueError(f"{path}: damaged: its chain of pages never ends; get it again")
            seen.add(offset)
            width = struct.calcsize(count_form)
            stream.seek(offset)
            count = _unpack(stream.read(width), order + count_form)
            link = offset + width + entry * (count or 0)
            stream.seek(link if link < size else size)
            following = _unpack(stream.read(struct.calcsize(offset_form)), f"{order}{offset_form}")
            if not count or following is None:
                raise ValueError(f"{path}: truncated: page {len(seen)} lies beyond its end; get it again")
            offset = following
        if not seen:
            raise ValueError(f"{path}: damaged: it has no page; get it again")


def check_segments(series: Any, path: Path) -> None:
    """Raise ValueError that names the file where a strip or tile of a series of tifffile's lies beyond its end."""
    size = path.stat().st_size
    start = series.dataoffset
    if start is not None and start + series.nbytes > size:
        raise ValueError(f"{path}: truncated: {size} bytes where {start + series.nbytes} are announced; get it again")
    for page in series.pages:
        counts, offsets = page.databytecounts, page.dataoffsets
        if start is not None and page is not series.keyframe:
            break
        # a contiguous series may be told by its first page alone
        if len(counts) != len(offsets) or not counts:
            raise ValueError(f"{path}: damaged: {len(offsets)} strips of {len(counts)} lengths; get it again")
        for offset, count in zip(offsets, counts, strict=True):
            if not offset or not count:
                raise ValueError(f"{path}: a strip or tile is missing; write it again whole")
            if offset + count > size:
                raise ValueError(
                    f"{path}: truncated: {size} bytes where a strip or tile ends at {offset + count}; get it again"
                )
        if series.keyframe.compression == 1 and sum(counts) < page.nbytes and series.keyframe.bitspersample >= 8:
            raise ValueError(
                f"{path}: truncated: {sum(counts)} bytes in its strips where {page.nbytes} are announced; get it again"
            )


def _unpack(content: bytes, form: str) -> int | None:
    return struct.unpack(form, content)[0] if len(content) == struct.calcsize(form) else None

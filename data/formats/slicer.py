"""Segmentations of 3D Slicer (.seg.nrrd): several structures in one file, each with a name, a layer and a value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ramify.data.file_names import NRRD_SUFFIXES, volume_suffix
from ramify.data.formats.nrrd import nrrd_header, place_nrrd, read_numbers, spatial_axes
from ramify.data.formats.nrrd_header import NrrdHeader
from ramify.data.volume import Volume

_KEY = re.compile(r"Segment(\d+)_(Name|LabelValue|Layer)")
_SHOWN = 12


@dataclass(frozen=True)
class Segment:
    """One structure: where the numbers of `layer` equal `value`."""

    name: str
    layer: int
    value: int


def segments(path: Path) -> list[Segment]:
    """The segments of a file, in its order; none for a file that is no segmentation of 3D Slicer.

    Raises ValueError or OSError that names the file.
    """
    return _segments(nrrd_header(path)) if volume_suffix(path) in NRRD_SUFFIXES else []


def read_segment(path: Path, names: Sequence[str] = (), spacing_mm: Sequence[float] | None = None) -> Volume:
    """The segments of those names (in any case) as one boolean volume; without names, the only one there is.

    Raises as read_segments, and ValueError where there are several and none is chosen.
    """
    return read_segments(path, [names], spacing_mm)[0]


def read_segments(
    path: Path, groups: Sequence[Sequence[str]], spacing_mm: Sequence[float] | None = None
) -> list[Volume]:
    """A boolean volume for each group of segments, by their names (in any case); the file is read once.

    Raises ValueError or OSError that names the file: no such segment (it says which there are), two of one name, not a
    segmentation of 3D Slicer.
    """
    header = nrrd_header(path)
    found = _segments(header)
    chosen = [_choose(found, names, path) for names in groups]
    spatial = spatial_axes(header)
    layers = [size for size, kept in zip(header.shape(), spatial, strict=True) if not kept]
    if len(layers) > 1 or sum(spatial) not in (2, 3):
        raise ValueError(
            f"{path}: expected the layers of one segmentation, got {header.shape()} numbers; export it again"
        )
    array = read_numbers(header)
    axis = spatial.index(False) if layers else 0
    volumes = []
    for group in chosen:
        mask = np.zeros([size for size, kept in zip(header.shape(), spatial, strict=True) if kept], dtype=bool)
        for segment in group:
            if not 0 <= segment.layer < (layers[0] if layers else 1):
                raise ValueError(f"{path}: segment {segment.name!r} lies in layer {segment.layer}, which is not there")
            mask |= (array.take(segment.layer, axis) if layers else array) == segment.value
        volumes.append(place_nrrd(header, mask, spacing_mm))
    return volumes


def describe_segments(found: Sequence[Segment]) -> str:
    """The names, for a message."""
    names = [segment.name for segment in found]
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _segments(header: NrrdHeader) -> list[Segment]:
    entries: dict[int, dict[str, str]] = {}
    for key, value in header.pairs.items():
        if match := _KEY.fullmatch(key.strip()):
            entries.setdefault(int(match[1]), {})[match[2]] = value.strip()
    layered = not all(spatial_axes(header))
    try:
        # Files of before 2020 give each segment a layer of its own and neither layer nor value.
        return [
            Segment(
                name=entry.get("Name", f"Segment{number}"),
                layer=int(entry.get("Layer", number if layered else 0)),
                value=int(entry.get("LabelValue", 1 if layered else number + 1)),
            )
            for number, entry in sorted(entries.items())
        ]
    except ValueError:
        raise ValueError(f"{header.path}: a segment's layer or value is no whole number; export it again") from None


def _choose(found: Sequence[Segment], names: Sequence[str], path: Path) -> list[Segment]:
    if not found:
        raise ValueError(f"{path}: not a segmentation of 3D Slicer: its header names no segment")
    if not names:
        if len(found) > 1:
            raise ValueError(
                f"{path}: {len(found)} segments ({describe_segments(found)}) where one mask is expected; "
                "say by name which are meant, or export one"
            )
        return list(found)
    chosen = []
    for name in names:
        fits = [segment for segment in found if segment.name.casefold() == name.casefold()]
        if len(fits) != 1:
            problem = "no segment" if not fits else f"{len(fits)} segments"
            raise ValueError(f"{path}: {problem} called {name!r}; it has {describe_segments(found)}")
        chosen += fits
    return chosen

"""The channels of a file: what they are called, and which of them are meant; never a silent mixture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume

ONLY_CHANNEL = "image"
"""Name of the only channel of an image, where the data set has no name for it."""
COLOURS = ("red", "green", "blue")
LUMINANCE = "luminance"
ALL = "all"
"""In place of channels: all that a file has, in its order."""
_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601


def channel_names(count: int, colour: bool = False) -> tuple[str, ...]:
    """What channels without names are called."""
    if count == 1:
        return (ONLY_CHANNEL,)
    return COLOURS if colour and count == len(COLOURS) else tuple(f"channel_{number}" for number in range(count))


@dataclass(frozen=True, eq=False)
class FileChannels:
    """A file's channels in its order, all on one grid, and their names; colour: of a picture whose channels differ.

    hint: what else may be wrong where several are not expected.
    """

    volumes: tuple[Volume, ...]
    names: tuple[str, ...]
    colour: bool = False
    hint: str = ""

    @classmethod
    def of_array(cls, array: NDArray[Any], grid: Volume) -> FileChannels:
        """Channels (C, *S) without names, on the grid of one of them (*S)."""
        volumes = tuple(grid.with_array(np.ascontiguousarray(channel)) for channel in array)
        return cls(volumes, channel_names(len(volumes)))

    @classmethod
    def of_volume(cls, volume: Volume) -> FileChannels:
        """A single one."""
        return cls((volume,), (ONLY_CHANNEL,))

    def only(self, path: Path, what: str = "image", choose: bool = False) -> Volume:
        """The only one there is; raises ValueError that names the file where there are several.

        choose: whether they can be chosen from.
        """
        if len(self.volumes) == 1:
            return self.volumes[0]
        several = f"{len(self.volumes)} channels" + (" that differ (colour)" if self.colour else "")
        choice = f"choose with --channels ({self._listed()})"
        remedy = choice if choose else "save the one you mean to a file of its own"
        raise ValueError(f"{path}: {several} where one {what} is expected; {remedy}{self.hint}")

    def picked(self, wanted: Sequence[str], path: Path) -> dict[str, Volume]:
        """The wanted channels by name, in that order; by name, number from 0, luminance of colours, or all of them.

        Raises ValueError that names the file: no such channel, one twice.
        """
        if list(wanted) == [ALL]:
            return dict(zip(self.names, self.volumes, strict=True))
        found: dict[str, Volume] = {}
        for one in wanted:
            name, volume = self._find(one, path)
            if name in found:
                raise ValueError(f"{path}: --channels has {name} twice; name each channel once")
            found[name] = volume
        return found

    def _find(self, wanted: str, path: Path) -> tuple[str, Volume]:
        folded = wanted.casefold()
        for name, volume in zip(self.names, self.volumes, strict=True):
            if folded == name.casefold():
                return name, volume
        if is_number(wanted) and int(wanted) < len(self.volumes):
            return self.names[int(wanted)], self.volumes[int(wanted)]
        if folded == LUMINANCE and self.names == COLOURS:
            return LUMINANCE, self._luminance()
        if len(self.volumes) == 1 and folded in (*COLOURS, LUMINANCE):
            raise ValueError(
                f"{path}: not in colour, where channel {wanted} is meant; give images in colour, or leave --channels "
                "out (with a network of one channel: predict.py --channels none)"
            )
        raise ValueError(f"{path}: has no channel {wanted!r}; choose with --channels ({self._listed()})")

    def _luminance(self) -> Volume:
        """.299 R + .587 G + .114 B, float32."""
        first = self.volumes[0]
        array = np.zeros(first.shape, np.float32)
        for weight, volume in zip(_WEIGHTS, self.volumes, strict=True):
            array += np.float32(weight) * volume.array
        return replace(first, array=array)

    def _listed(self) -> str:
        luminance = [LUMINANCE] * (self.names == COLOURS)
        if len(self.names) > 8:
            return f"{self.names[0]} to {self.names[-1]}, or {ALL}"
        return ", ".join([*self.names, *luminance, *([ALL] * (len(self.names) > 1))])


def is_number(text: str) -> bool:
    """A channel given by its number from 0."""
    return text.isascii() and text.isdigit()


def are_equal(colours: NDArray[Any]) -> bool:
    """Whether all channels (C, *S) are the same: grey, stored as colour."""
    return all(np.array_equal(colours[0], other) for other in colours[1:])

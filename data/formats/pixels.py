"""What pictures and TIFF share: palettes, transparency, orientation, and what a mask cannot be stored as."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.data.formats.channels import are_equal


@dataclass(frozen=True)
class Wanted:
    """What is asked of a picture: its file, whether its channels are, and whether it is a mask or label map."""

    path: Path
    channels: bool = False
    mask: bool = False

    def channels_of(self, colours: NDArray[Any]) -> NDArray[Any]:
        """Channels (C, *S) of colours (*S, C); one where all are equal, unless the channels are asked for.

        Raises ValueError that names a mask in colour.
        """
        channels = np.moveaxis(colours, -1, 0)
        if not self.channels and are_equal(channels):
            return channels[:1]
        if self.mask:
            raise ValueError(
                f"{self.path}: in colour ({len(channels)} channels that differ) where a mask is expected; "
                "save it in grey, 0 and 255"
            )
        return channels


class Pixels(NamedTuple):
    """Channels (C, *S) in the file's own type, notes on what was done to them, and what else several may mean."""

    array: NDArray[Any]
    notes: list[str]
    hint: str = ""


def through_palette(indices: NDArray[Any], palette: NDArray[Any], wanted: Wanted) -> NDArray[Any]:
    """What indices (*S) into a palette (N, 3) mean: channels (C, *S).

    A palette of greys gives its greys. One in colour gives its channels; of a mask or label map it gives the
    indices, which are the labels there. Raises ValueError that names the file.
    """
    used = np.unique(indices)
    if used.size and int(used[-1]) >= len(palette):
        raise ValueError(f"{wanted.path}: damaged: colour {used[-1]} of a palette of {len(palette)}; get it again")
    if (palette[used] == palette[used][:, :1]).all():
        greys: NDArray[Any] = palette[:, 0][indices]
        return greys[None]
    if not wanted.mask:
        return wanted.channels_of(palette[indices])
    brightness = palette[used].sum(axis=-1, dtype=np.int64)
    if used[0] == 0 and brightness[0] > brightness.min():
        raise ValueError(
            f"{wanted.path}: the first colour of its palette is not the darkest, so it cannot be told what is outside; "
            "save the mask in grey, 0 and 255"
        )
    return indices[None]


def without_alpha(samples: NDArray[Any], wanted: Wanted) -> NDArray[Any]:
    """Samples (*S, C + 1) without their last, the opacity; raises ValueError where anything is transparent."""
    opaque = np.iinfo(samples.dtype).max if samples.dtype.kind in "iu" else 1
    if (samples[..., -1] != opaque).any():
        raise ValueError(f"{wanted.path}: partly transparent; save it without transparency")
    return samples[..., :-1]


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels (*S, y, x) the way their orientation tag (1 to 8, of EXIF and TIFF) says they are to be looked at."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(-1, -2)
    if orientation in (2, 3, 6, 7):
        array = array[..., ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[..., ::-1, :]
    return array


def check_lossless_mask(array: NDArray[Any], wanted: Wanted, form: str) -> None:
    """Raise ValueError where a mask was stored with loss and has values that nobody drew."""
    if wanted.mask and (between := int(((array != 0) & (array != 255)).sum())):
        raise ValueError(
            f"{wanted.path}: {between} pixels of this mask are neither 0 nor 255: {form} blurs what is drawn, so "
            "its border cannot be told; save the mask as PNG"
        )

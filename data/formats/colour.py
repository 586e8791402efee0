"""One number a pixel from a picture in colour: the channel that was asked for, never a silent mixture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLOURS = ("red", "green", "blue")
CHANNELS = (*COLOURS, "luminance")
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def check_channel(channel: str) -> str:
    """The channel, if it is one: red, green, blue, luminance, or a number from 0. Raises ValueError."""
    if channel in CHANNELS or (channel.isascii() and channel.isdigit()):
        return channel
    raise ValueError(f"expected a channel ({', '.join(CHANNELS)}, or its number from 0), got {channel!r}")


def one_channel(colours: NDArray[Any], channel: str | None, path: Path) -> NDArray[Any]:
    """One number a pixel of colours (*S, C): grey where all channels are equal, else the channel that is meant.

    red, green and blue keep the file's type; the luminance (.299 R + .587 G + .114 B) is float32.
    Raises ValueError that names the file: channels differ and none is chosen, or it has no such channel.
    """
    count = colours.shape[-1]
    if all(np.array_equal(colours[..., 0], colours[..., other]) for other in range(1, count)):
        return colours[..., 0]
    if channel is None:
        choice = ", ".join(CHANNELS) if count == 3 else f"0 to {count - 1}"
        raise ValueError(f"{path}: {count} channels that differ (colour); choose one with --channel ({choice})")
    check_channel(channel)
    if channel.isdigit() and int(channel) < count:
        return colours[..., int(channel)]
    if channel not in CHANNELS or count != 3:
        raise ValueError(f"{path}: has no channel {channel} among its {count}; choose --channel 0 to {count - 1}")
    if channel == "luminance":
        return colours.astype(np.float32) @ _LUMINANCE
    return colours[..., COLOURS.index(channel)]


def grey(colours: NDArray[Any], path: Path) -> NDArray[Any]:
    """A mask's one number a pixel, of colours (*S, C) that are all equal; raises ValueError for real colour."""
    try:
        return one_channel(colours, None, path)
    except ValueError:
        raise ValueError(
            f"{path}: in colour ({colours.shape[-1]} channels that differ) where a mask is expected; "
            "save it in grey, 0 and 255"
        ) from None

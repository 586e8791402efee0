"""One colour a meaning, on pages, in figures and in exported surfaces alike."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

MISSED: Colour = (77, 159, 255)
EXTRA: Colour = (255, 92, 77)
AGREEING: Colour = (166, 174, 184)
PREDICTION: Colour = (214, 219, 226)
BACKDROP: Colour = (13, 17, 22)
"""Behind projections and surfaces, on light pages too: vessels are told apart best before a dark ground."""

# From the smallest vessels to the largest; apart from the blue and the red of errors, and for every common colour
# blindness apart by their lightness.
_SMALLEST_TO_LARGEST: tuple[Colour, ...] = ((247, 216, 74), (79, 195, 161), (166, 128, 217))


def scale_colours(count: int) -> list[Colour]:
    """Colours of `count` scales, smallest vessels first."""
    places = np.linspace(0, 1, count) if count > 1 else np.array([0.5])
    stops = np.array(_SMALLEST_TO_LARGEST, dtype=float)
    mixed = [np.interp(places, np.linspace(0, 1, len(stops)), stops[:, channel]) for channel in range(3)]
    return [(round(red), round(green), round(blue)) for red, green, blue in np.stack(mixed, axis=1).tolist()]


def scale_names(count: int) -> list[str]:
    """What the scales are called, smallest vessels first."""
    if count == 3:
        return ["small", "medium", "large"]
    return [f"scale {number}" for number in range(1, count + 1)] if count > 1 else ["all vessels"]


def as_hex(colour: Sequence[int]) -> str:
    """`#rrggbb`."""
    return "#" + "".join(f"{channel:02x}" for channel in colour)


def blend(colours: Sequence[Colour], weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mix colours by weights (n, *s), float (*s, 3) in 0..255; black where all weights are 0."""
    total = weights.sum(axis=0)
    mixed = np.tensordot(np.moveaxis(weights, 0, -1), np.array(colours, dtype=float), axes=1)
    return mixed / np.where(total > 0, total, 1)[..., None]

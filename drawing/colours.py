"""One colour a meaning, on pages, in figures, in TensorBoard and in exported surfaces alike.

Hues belong to scales, classes, errors and verdicts; all else is grey. tests/drawing/test_colours.py holds that scales,
classes, errors and agreement are told apart by eyes without red, green or blue cones, and from the ground behind them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

MISSED: Colour = (92, 126, 255)
EXTRA: Colour = (240, 56, 32)
AGREEING: Colour = (180, 186, 194)
PREDICTION: Colour = (228, 232, 238)
BACKDROP: Colour = (13, 17, 22)
"""Behind projections and surfaces, on light pages too: vessels are told apart best before a dark ground."""

# From the smallest vessels to the largest, falling in lightness.
_SMALLEST_TO_LARGEST: tuple[Colour, ...] = ((248, 222, 60), (28, 190, 132), (190, 88, 158))

MISNAMED: Colour = (251, 209, 146)
"""A vessel that was found, as one of another class."""

# Each the farthest from those before it, from errors, agreement and backdrop, for the eyes that tell them apart least.
_CLASSES: tuple[Colour, ...] = (
    *((62, 230, 230), (167, 62, 125), (125, 167, 125), (230, 251, 20), (125, 41, 251), (188, 146, 209)),
    *((251, 146, 62), (188, 251, 209), (20, 125, 83), (125, 104, 167), (209, 104, 146), (251, 167, 167)),
    *((146, 125, 62), (20, 167, 167), (20, 188, 251), (188, 62, 83)),
)

# Of figures on white, as matplotlib takes them.
INK = "#1b1f24"
"""Text, axes and what matters most."""
QUIET = "#6b737c"
"""What is read second: units, numbers at axes, marks without a verdict."""
RULE = "#c3c8cd"
"""Axes, grids and marks that may be overlooked."""

# Okabe and Ito's blue and vermilion; beside them no vessel is shown.
BETTER = "#0072b2"
"""A verdict, and the best trial of a study."""
WORSE = "#d55e00"
"""A verdict, and a trial that failed."""

QUANTITY_MAP = "viridis"
"""Matplotlib's name of the colours of a number from low to high."""


def scale_colours(count: int) -> list[Colour]:
    """Colours of `count` scales, smallest vessels first."""
    places = np.linspace(0, 1, count) if count > 1 else np.array([0.5])
    stops = np.array(_SMALLEST_TO_LARGEST, dtype=float)
    mixed = [np.interp(places, np.linspace(0, 1, len(stops)), stops[:, channel]) for channel in range(3)]
    return [(round(red), round(green), round(blue)) for red, green, blue in np.stack(mixed, axis=1).tolist()]


def class_colours(count: int) -> list[Colour]:
    """Colours of classes 1, 2, …, the same in every figure; from the 17th on they come again."""
    return [_CLASSES[number % len(_CLASSES)] for number in range(count)]


def as_hex(colour: Sequence[int]) -> str:
    """`#rrggbb`."""
    return "#" + "".join(f"{channel:02x}" for channel in colour)


def blend(colours: Sequence[Colour], weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mix colours by weights (n, *s), float (*s, 3) in 0..255; black where all weights are 0."""
    total = weights.sum(axis=0)
    mixed = np.tensordot(np.moveaxis(weights, 0, -1), np.array(colours, dtype=float), axes=1)
    return mixed / np.where(total > 0, total, 1)[..., None]

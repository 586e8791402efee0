"""What the branches of a page may be coloured by, and in which colours: those of the label maps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ramify.analysis.vessel_tree import VesselTree
from ramify.drawing.colours import Colour, class_colours, scale_colours
from ramify.drawing.scale_words import radius_ranges, scale_names
from ramify.vessels.branches import FloatArray, IntArray

MOST_CLASSES = 12
"""More colours are not told apart: further generations share them, further trees have one."""
_RADIUS_CLASSES = 8


@dataclass(frozen=True)
class Paint:
    """One way to colour branches.

    name: in markup. title: in words.
    labels, colours: of its classes, few enough to be told apart.
    of: class of each row of the table of branches, from 0.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    colours: tuple[Colour, ...]
    of: tuple[int, ...]


def paints_of(tree: VesselTree) -> tuple[Paint, ...]:
    """By radius, Strahler order, generation, scale, and tree or system; the first is the one to begin with."""
    rows = tree.branch_rows
    number = {name: np.array([row[name] for row in rows]) for name in ("strahler_order", "generation", "scale", "tree")}
    radii = np.array([row["radius_mm"] for row in rows])
    limits = radius_limits(radii)
    n_radii = len(limits) + 1
    n_scales = tree.settings.scales.n_scales
    order_labels, order = _shared(number["strahler_order"] - 1, 1)
    generation_labels, generation = _shared(number["generation"], 0)
    words = radius_ranges(tree.decomposition.thresholds_mm, n_scales)
    scales = [f"{name}, {range_}" for name, range_ in zip(scale_names(n_scales), words, strict=True)]
    return (
        _paint(
            "radius",
            "radius",
            _ranges(limits),
            scale_colours(n_radii),
            np.searchsorted(limits, radii, side="left"),
        ),
        _paint("order", "Strahler order", order_labels, scale_colours(len(order_labels)), order),
        # The trunk has the colour of the largest vessels.
        _paint("generation", "generation", generation_labels, scale_colours(len(generation_labels))[::-1], generation),
        _paint("scale", "scale", scales, scale_colours(n_scales), number["scale"] - 1),
        _by_system(tree) if tree.settings.systems else _by_tree(number["tree"]),
    )


def radius_limits(radii_mm: FloatArray) -> tuple[float, ...]:
    """Radii that part the branches into at most eight classes, rising: equal steps from their 1st to 99th percentile,
    in two decimals, or two digits of the step where vessels are micrometres wide."""
    low, high = np.percentile(radii_mm, [1, 99]).tolist()
    if low == high:
        return ()
    decimals = max(2, 1 - math.floor(math.log10((high - low) / _RADIUS_CLASSES)))
    steps = np.linspace(low, high, _RADIUS_CLASSES + 1)[1:-1]
    limits = sorted({round(step, decimals) for step in steps})
    # Every class has a branch at least.
    counts = np.bincount(np.searchsorted(limits, radii_mm, side="left"), minlength=len(limits) + 1)
    return tuple(limit for limit, count in zip(limits, counts) if count and limit < radii_mm.max())


def _ranges(limits: Sequence[float]) -> list[str]:
    if not limits:
        return ["all radii"]
    inner = [f"{low:g}–{high:g}" for low, high in pairwise(limits)]
    return [f"≤ {limits[0]:g} mm", *inner, f"> {limits[-1]:g} mm"]


def _shared(values: IntArray, first: int) -> tuple[list[str], IntArray]:
    """Numbers 0, 1, ... as at most `MOST_CLASSES` classes of as many numbers each; labels count from `first`."""
    highest = int(values.max())
    each = -(-(highest + 1) // MOST_CLASSES)
    labels = []
    for start in range(0, highest + 1, each):
        last = min(start + each - 1, highest)
        labels.append(f"{start + first}" if last == start else f"{start + first}–{last + first}")
    return labels, values // each


def _by_tree(trees: IntArray) -> Paint:
    """Each tree in its colour; behind the eleventh, all others in one."""
    count = int(trees.max())
    shown = min(count, MOST_CLASSES)
    labels = [str(number) for number in range(1, shown + 1)]
    if count > shown:
        labels[-1] = f"{shown}–{count}"
    return _paint("tree", "tree", labels, class_colours(shown), np.minimum(trees, shown) - 1)


def _by_system(tree: VesselTree) -> Paint:
    systems = tree.settings.systems
    of = np.array([systems.index(row["system"]) for row in tree.branch_rows])
    return _paint("system", "system", systems, class_colours(len(systems)), of)


def _paint(name: str, title: str, labels: Sequence[str], colours: Sequence[Colour], of: IntArray) -> Paint:
    return Paint(name, title, tuple(labels), tuple(colours), tuple(of.tolist()))

"""A tree flat on a page: its centrelines, as wide as the vessels, seen from the front; 2D as they lie."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ramify.analysis.page.painted_paths import painted_path
from ramify.analysis.page.paints import Paint
from ramify.analysis.patient_frame import in_patient
from ramify.analysis.vessel_tree import VesselTree
from ramify.drawing.ruler import ruler_length
from ramify.report.markup import join
from ramify.vessels.branches import FloatArray, IntArray

_WIDTH, _HIGHEST, _MARGIN = 640.0, 620.0, 14.0
# Points of a curve nearer to each other than this are one, in the picture's units.
_STEP = 2.5
_THINNEST = 0.8
# What lies farther is darker, in so many steps.
_SLICES, _FARTHEST = 6, 0.42


def plan(tree: VesselTree, paints: Sequence[Paint]) -> str:
    """The picture as SVG; branches alike in depth and classes are one path. The patient's right is at the left."""
    points = in_patient(tree.place, tree.paths.curves.points_mm, "lps")
    flat = points if points.shape[1] == 2 else points[:, [0, 2]] * [1, -1]
    low, high = flat.min(axis=0), flat.max(axis=0)
    size = np.maximum(high - low, 1e-6)
    unit = float(min((_WIDTH - 2 * _MARGIN) / size[0], (_HIGHEST - 2 * _MARGIN) / size[1]))
    height = float(size[1]) * unit + 2 * _MARGIN + 20
    places = (flat - low) * unit + _MARGIN
    places[:, 0] += (_WIDTH - 2 * _MARGIN - float(size[0]) * unit) / 2
    radii = np.array([row["radius_mm"] for row in tree.branch_rows])
    parts = [tree.paths.points(path) for path in np.argsort(tree.paths.curves.branches).tolist()]
    slices = _slices(points, parts)
    drawn = []
    for number in sorted({*slices.tolist()}):
        alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for row in np.flatnonzero(slices == number).tolist():
            alike[tuple(paint.of[row] for paint in paints)].append(row)
        paths = []
        # The thinnest last: they are seen before the thick ones.
        for classes, rows in sorted(alike.items(), key=lambda one: -one[0][0]):
            width = max(_THINNEST, 2 * float(np.median(radii[rows])) * unit)
            paths.append(painted_path(paints, classes, "".join(_way(places[parts[row]]) for row in rows), width))
        light = 1 - (1 - _FARTHEST) * (_SLICES - 1 - number) / (_SLICES - 1)
        drawn.append(f'<g style="filter:brightness({light:.2f})">{join(paths)}</g>')
    # A quarter of the picture at most.
    ruler = ruler_length(_WIDTH / 4 / unit)
    y = height - 7
    drawn.append(
        f'<path class="ruler" d="M10 {y:.1f}h{ruler * unit:.1f}"/><text x="10" y="{y - 5:.1f}">{ruler:g} mm</text>'
    )
    if points.shape[1] == 3:
        middle = height / 2
        drawn += [
            f'<text x="8" y="{middle:.0f}">R</text>',
            f'<text x="{_WIDTH - 8}" y="{middle:.0f}" text-anchor="end">L</text>',
        ]
    view = "from the front" if points.shape[1] == 3 else "in the image's plane"
    return (
        f'<svg class="painted" viewBox="0 0 {_WIDTH:g} {height:.0f}" width="{_WIDTH:g}" height="{height:.0f}" '
        f'role="img" aria-label="Centrelines {view}">{join(drawn)}</svg>'
    )


def _slices(points: FloatArray, parts: Sequence[slice]) -> IntArray:
    """In which slice of the depth each branch lies, int (n,), 0 the farthest from the viewer; 2D: all in front."""
    if points.shape[1] == 2:
        return np.full(len(parts), _SLICES - 1, dtype=np.int64)
    # Towards the back grows.
    depth = np.array([points[part, 1].mean() for part in parts])
    share = (depth.max() - depth) / (np.ptp(depth) or 1.0)
    slices: IntArray = np.minimum(share * _SLICES, _SLICES - 1).astype(np.int64)
    return slices


def _way(points: FloatArray) -> str:
    """A curve as a path, without the points that nobody could see."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    number = np.floor(np.append(0.0, np.cumsum(steps)) / _STEP)
    kept = np.append(True, number[1:] > number[:-1])
    kept[-1] = True
    ways = [f"{x:.1f} {y:.1f}" for x, y in points[kept].tolist()]
    # A vessel thinned to a point is a dot.
    return f"M{'L'.join(ways)}" if len(ways) > 1 else f"M{ways[0]}h0"

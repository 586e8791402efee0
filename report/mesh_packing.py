"""Surfaces in few bytes for a page: quantised points, differences instead of numbers, deflated, base64.

report/viewer.js undoes what is done here. Points are 16-bit fractions of their box, each the difference to the one
before. Points are numbered in the order in which triangles first use them, so that a triangle's corner is either the
next new point (0) or so many behind it. The bytes of a number are kept apart: the upper ones are nearly all zero.
"""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.report.surfaces import Surface

STEPS = 65535


def pack_surface(surface: Surface, lowest: NDArray[np.float64], extent_mm: float) -> dict[str, Any]:
    """The surface as plain data for a page, its points rounded to 65535ths of a cube.

    Args:
        surface: at least one triangle; they keep their order.
        lowest: corner of the cube, x, y, z in mm.
        extent_mm: side of the cube.
    """
    points, triangles = _by_first_use(surface)
    places = np.round(np.clip((points - lowest) / extent_mm, 0, 1) * STEPS).astype(np.int64)
    steps = np.diff(places, axis=0, prepend=np.zeros((1, 3), np.int64))
    corners = triangles.ravel()
    # Points come new in order: how many there are by then is one more than the greatest so far.
    known = np.maximum.accumulate(np.append(-1, corners[:-1])) + 1
    return {
        "points": _packed(np.where(steps < 0, -2 * steps - 1, 2 * steps).T.ravel(), 3),
        "triangles": _packed(known - corners, 4),
        "n_points": len(points),
        "n_triangles": len(triangles),
    }


def _by_first_use(surface: Surface) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    used, first, inverse = np.unique(surface.triangles.ravel(), return_index=True, return_inverse=True)
    rank = np.empty(len(used), dtype=np.int64)
    order = np.argsort(first)
    rank[order] = np.arange(len(used))
    return surface.points[used[order]], rank[inverse].reshape(-1, 3)


def _packed(numbers: NDArray[np.int64], width: int) -> str:
    """Numbers >= 0 of at most `width` bytes, lowest bytes of all first."""
    planes = np.stack([numbers >> (8 * place) & 255 for place in range(width)]).astype(np.uint8)
    return base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode("ascii")

"""Distances of points and straight segments in three dimensions, compiled.

Points are tuples of three numbers: arithmetic on small arrays takes numba long to compile.
"""

from typing import Any

import numpy as np

from ramify.compilation import compiled


@compiled()
def between(a: Any, b: Any, along: float) -> Any:
    """The point that lies `along` of the way from a to b."""
    return a[0] + along * (b[0] - a[0]), a[1] + along * (b[1] - a[1]), a[2] + along * (b[2] - a[2])


@compiled()
def product(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Scalar product of b - a and d - c."""
    return (b[0] - a[0]) * (d[0] - c[0]) + (b[1] - a[1]) * (d[1] - c[1]) + (b[2] - a[2]) * (d[2] - c[2])


@compiled()
def distance(a: Any, b: Any) -> Any:
    """Distance of two points."""
    return np.sqrt(product(a, b, a, b))


@compiled()
def squared_distance_to_segment(p: Any, start: Any, end: Any) -> Any:
    """Squared distance of a point to the segment from start to end, which may be a point."""
    length = product(start, end, start, end)
    along = 0.0
    if length > 0.0:
        along = min(1.0, max(0.0, product(start, p, start, end) / length))
    foot = between(start, end, along)
    return product(p, foot, p, foot)


@compiled()
def segment_distance(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Distance of the segments a-b and c-d: an end against the other segment, or two inner points."""
    best = min(squared_distance_to_segment(a, c, d), squared_distance_to_segment(b, c, d))
    best = min(best, min(squared_distance_to_segment(c, a, b), squared_distance_to_segment(d, a, b)))
    uu, uv, vv = product(a, b, a, b), product(a, b, c, d), product(c, d, c, d)
    uw, vw = product(a, b, c, a), product(c, d, c, a)
    spread = uu * vv - uv * uv
    if spread > 1e-12 * uu * vv:
        along, across = (uv * vw - vv * uw) / spread, (uu * vw - uv * uw) / spread
        if 0.0 < along < 1.0 and 0.0 < across < 1.0:
            p, q = between(a, b, along), between(c, d, across)
            best = min(best, product(p, q, p, q))
    return np.sqrt(best)


@compiled()
def cheapest_joint(a: Any, b: Any, p: Any, weights: Any) -> Any:
    """Point with the least weighted sum of distances to a, b and p (Weiszfeld 1937): the cheapest place to fork."""
    joint = between(between(a, b, weights[1] / (weights[0] + weights[1])), p, weights[2] / sum(weights))
    for _ in range(40):
        from_a = weights[0] / max(distance(joint, a), 1e-9)
        from_b = weights[1] / max(distance(joint, b), 1e-9)
        from_p = weights[2] / max(distance(joint, p), 1e-9)
        better = between(between(a, b, from_b / (from_a + from_b)), p, from_p / (from_a + from_b + from_p))
        moved = distance(joint, better)
        joint = better
        if moved < 1e-4:
            break
    return joint

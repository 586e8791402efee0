"""Surfaces with fewer triangles that look the same: edges collapse where that moves the surface least.

Garland and Heckbert, "Surface simplification using quadric error metrics", 1997. Edges collapse in rounds, in each of
which no two collapses touch the same triangles, so that every check holds; what is closed stays closed.
"""

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.report.surfaces import Surface

# Of a round's edges only the cheapest are considered: what is dear now may never have to go.
_CONSIDERED = 0.35
# A triangle may not turn further than this by a collapse (cosine).
_LEAST_TURN = 0.2
# Between collapses that cost the same, on flat walls, the shorter edge goes first.
_LENGTH_WEIGHT = 1e-4


def simplified(surface: Surface, most_triangles: int) -> Surface:
    """The surface with at most that many triangles, as far as its shape allows.

    Components, holes and cavities all stay; what is as simple as it can be (each piece a tetrahedron) is not
    simplified further, and may keep more triangles than asked for.
    """
    if len(surface.triangles) <= most_triangles:
        return surface
    # Quadrics are sums of large squares: near the origin they keep their digits.
    centre = surface.points.mean(axis=0)
    points, triangles = surface.points - centre, surface.triangles.astype(np.int64)
    quadrics = _quadrics(points, triangles)
    while len(triangles) > most_triangles:
        edges = _edges(triangles)
        costs, places = _collapse_costs(edges, points, quadrics)
        considered = max(16, int(_CONSIDERED * len(edges)))
        order = np.argsort(costs, kind="stable")[:considered]
        wanted = (len(triangles) - most_triangles + 1) // 2
        first, around = _triangles_around(triangles, len(points))
        if not _collapse(edges, order, places, points, quadrics, triangles, first, around, wanted):
            break
        triangles = triangles[triangles[:, 0] >= 0]
    used, renumbered = np.unique(triangles, return_inverse=True)
    return Surface(points[used] + centre, renumbered.reshape(-1, 3).astype(np.int32))


def _edges(triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each edge once, int (E, 2), the lower point first; an edge of a closed surface is met in both directions."""
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    return edges[edges[:, 0] < edges[:, 1]]


def _triangles_around(triangles: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Triangles at each point: those of point i are `around[first[i]:first[i + 1]]`."""
    corners = triangles.ravel()
    first = np.concatenate([[0], np.cumsum(np.bincount(corners, minlength=count))])
    return first.astype(np.int64), np.argsort(corners, kind="stable") // 3


@compiled()
def _quadrics(points, triangles):  # type: ignore[no-untyped-def]
    """Sum over each point's triangles of area x squared distance to its plane, as 10 numbers of a symmetric form."""
    quadrics = np.zeros((len(points), 10))
    plane = np.empty(4)
    for t in range(len(triangles)):
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        plane[0], plane[1], plane[2] = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        twice_area = np.sqrt(plane[0] ** 2 + plane[1] ** 2 + plane[2] ** 2)
        if twice_area == 0:
            continue
        plane[:3] /= twice_area
        plane[3] = -(plane[0] * a[0] + plane[1] * a[1] + plane[2] * a[2])
        entry = 0
        for i in range(4):
            for j in range(i, 4):
                for corner in range(3):
                    quadrics[triangles[t, corner], entry] += twice_area / 2 * plane[i] * plane[j]
                entry += 1
    return quadrics


@compiled()
def _error(q, x, y, z):  # type: ignore[no-untyped-def]
    return (
        q[0] * x * x + 2 * q[1] * x * y + 2 * q[2] * x * z + 2 * q[3] * x
        + q[4] * y * y + 2 * q[5] * y * z + 2 * q[6] * y + q[7] * z * z + 2 * q[8] * z + q[9]
    )  # fmt: skip


@compiled()
def _collapse_costs(edges, points, quadrics):  # type: ignore[no-untyped-def]
    """For each edge, what collapsing it costs and where its point then lies best: float (E,) and float (E, 3)."""
    costs, places = np.empty(len(edges)), np.empty((len(edges), 3))
    for e in range(len(edges)):
        a, b = points[edges[e, 0]], points[edges[e, 1]]
        q = quadrics[edges[e, 0]] + quadrics[edges[e, 1]]
        squared = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2
        costs[e] = np.inf
        for k in range(3):
            w = 0.5 * k
            x, y, z = a[0] + w * (b[0] - a[0]), a[1] + w * (b[1] - a[1]), a[2] + w * (b[2] - a[2])
            cost = _error(q, x, y, z)
            if cost < costs[e]:
                costs[e] = cost
                places[e, 0], places[e, 1], places[e, 2] = x, y, z
        # The minimum of the quadratic form by Cramer's rule, where it is well determined and near the edge.
        m0, m1, m2 = q[4] * q[7] - q[5] * q[5], q[2] * q[5] - q[1] * q[7], q[1] * q[5] - q[2] * q[4]
        determinant = q[0] * m0 + q[1] * m1 + q[2] * m2
        trace = q[0] + q[4] + q[7]
        if determinant > 1e-4 * trace**3:
            m4, m5, m8 = q[0] * q[7] - q[2] * q[2], q[1] * q[2] - q[0] * q[5], q[0] * q[4] - q[1] * q[1]
            x = -(m0 * q[3] + m1 * q[6] + m2 * q[8]) / determinant
            y = -(m1 * q[3] + m4 * q[6] + m5 * q[8]) / determinant
            z = -(m2 * q[3] + m5 * q[6] + m8 * q[8]) / determinant
            middle = (x - (a[0] + b[0]) / 2) ** 2 + (y - (a[1] + b[1]) / 2) ** 2 + (z - (a[2] + b[2]) / 2) ** 2
            cost = _error(q, x, y, z)
            if middle < squared and cost < costs[e]:
                costs[e] = cost
                places[e, 0], places[e, 1], places[e, 2] = x, y, z
        costs[e] = max(costs[e], 0.0) + _LENGTH_WEIGHT * trace * squared
    return costs, places


@compiled()
def _turns(points, triangle, moved, other, place):  # type: ignore[no-untyped-def]
    """Whether a triangle would turn over (or nearly) if its corner `moved` or `other` went to `place`."""
    before, after = np.empty((3, 3)), np.empty((3, 3))
    for corner in range(3):
        point = triangle[corner]
        for axis in range(3):
            before[corner, axis] = points[point, axis]
            after[corner, axis] = place[axis] if point in (moved, other) else points[point, axis]
    one = np.cross(before[1] - before[0], before[2] - before[0])
    two = np.cross(after[1] - after[0], after[2] - after[0])
    return np.dot(one, two) <= _LEAST_TURN * np.sqrt(np.dot(one, one) * np.dot(two, two))


@compiled()
def _collapse(edges, order, places, points, quadrics, triangles, first, around, wanted):  # type: ignore[no-untyped-def]
    """Collapse edges in the order given, at most `wanted`, and return how many; a triangle that is gone becomes -1."""
    locked = np.zeros(len(points), dtype=np.bool_)
    met = np.zeros(len(points), dtype=np.int64)
    done = 0
    for rank in range(len(order)):
        if done == wanted:
            break
        kept, gone = edges[order[rank], 0], edges[order[rank], 1]
        if locked[kept] or locked[gone]:
            continue
        place = places[order[rank]]
        # Where the two points' neighbours share more than the two triangles at the edge, a collapse would pinch.
        stamp = rank + 1
        allowed, shared, at_edge = True, 0, 0
        for k in range(first[kept], first[kept + 1]):
            for corner in range(3):
                met[triangles[around[k], corner]] = stamp
        for k in range(first[gone], first[gone + 1]):
            triangle = triangles[around[k]]
            if triangle[0] == kept or triangle[1] == kept or triangle[2] == kept:
                at_edge += 1
            for corner in range(3):
                point = triangle[corner]
                if point != kept and point != gone and met[point] == stamp:
                    shared += 1
                    met[point] = -stamp
                    # A corner of three triangles would be left with two, back to back.
                    if first[point + 1] - first[point] <= 3:
                        allowed = False
        if not allowed or shared != 2 or at_edge != 2:
            continue
        for side in range(2):
            centre, other = (kept, gone) if side == 0 else (gone, kept)
            for k in range(first[centre], first[centre + 1]):
                triangle = triangles[around[k]]
                if triangle[0] == other or triangle[1] == other or triangle[2] == other:
                    continue
                if _turns(points, triangle, kept, gone, place):
                    allowed = False
                    break
            if not allowed:
                break
        if not allowed:
            continue
        for side in range(2):
            centre = kept if side == 0 else gone
            for k in range(first[centre], first[centre + 1]):
                for corner in range(3):
                    locked[triangles[around[k], corner]] = True
        for k in range(first[gone], first[gone + 1]):
            triangle = triangles[around[k]]
            if triangle[0] == kept or triangle[1] == kept or triangle[2] == kept:
                triangle[:] = -1
                continue
            for corner in range(3):
                if triangle[corner] == gone:
                    triangle[corner] = kept
        points[kept] = place
        quadrics[kept] += quadrics[gone]
        done += 1
    return done

"""Area of the surface, or length of the contour, that passes each grid corner: marching cubes on a binary mask.

The surface cuts each side between a foreground and a background voxel centre in its middle (Lorensen & Cline 1987).
Where a face has its two foreground voxels on one diagonal, and could be cut in two ways, the rarer kind of voxel in the
octant is kept apart; so a mask and its complement have one surface. A closed cut that does not lie in a plane is filled
with the triangles that have the largest area on cubic voxels. On all 254 codes this gives the area elements that
surface distances (Nikolov et al. 2018) are commonly weighted with.
"""

import itertools
from functools import cache

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, ...]
Edge = frozenset[Corner]
Triangle = tuple[int, int, int]
FloatArray = NDArray[np.float64]


@cache
def element_areas_mm(spacing_mm: tuple[float, ...]) -> FloatArray:
    """Surface area in mm² (contour length in mm in 2D) at a grid corner, by its code.

    Args:
        spacing_mm: voxel size along each array axis, 2 or 3 numbers.

    Returns:
        float64 (2^(2^ndim),), indexed by the codes of `vessels.octants`; 0 where there is no surface.
    """
    ndim = len(spacing_mm)
    codes, simplices = _elements(ndim)
    sides = np.diff(simplices, axis=1) * np.asarray(spacing_mm)
    if ndim == 2:
        sizes = np.linalg.norm(sides[:, 0], axis=1)
    else:
        sizes = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) / 2
    areas = np.zeros(2 ** (2**ndim))
    np.add.at(areas, codes, sizes)
    return areas


@cache
def _elements(ndim: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Every triangle (in 2D every line) of every code, in voxels: codes (N,) and vertices (N, ndim, ndim)."""
    corners = list(itertools.product((0, 1), repeat=ndim))
    codes: list[int] = []
    simplices: list[FloatArray] = []
    for code in range(2 ** len(corners)):
        inside = {corner: bool(code >> bit & 1) for bit, corner in enumerate(corners)}
        cuts = _cuts(inside)
        pieces = [np.array([_middle(edge) for edge in cut]) for cut in cuts] if ndim == 2 else _triangles(cuts)
        codes += [code] * len(pieces)
        simplices += pieces
    return np.array(codes), np.array(simplices)


def _cuts(inside: dict[Corner, bool]) -> list[tuple[Edge, Edge]]:
    """Lines in which the surface cuts the faces of an octant, each from the middle of one edge to that of another."""
    rarer = 2 * sum(inside.values()) <= len(inside)
    cuts = []
    for face in _faces(len(next(iter(inside)))):
        edges = [frozenset(pair) for pair in zip(face, [*face[1:], face[0]], strict=True)]
        crossed = [edge for edge in edges if len({inside[corner] for corner in edge}) == 2]
        if len(crossed) == 2:
            cuts.append((crossed[0], crossed[1]))
        elif len(crossed) == 4:
            # On one diagonal: a line around each voxel of the rarer kind.
            cuts += [(edges[i - 1], edges[i]) for i, corner in enumerate(face) if inside[corner] == rarer]
    return cuts


def _faces(ndim: int) -> list[list[Corner]]:
    """The six faces of a cube, or the one of a square, as corners in the order around them."""
    around = [(0, 0), (0, 1), (1, 1), (1, 0)]
    if ndim == 2:
        return [list(around)]
    return [[(*uv[:axis], side, *uv[axis:]) for uv in around] for axis in range(3) for side in (0, 1)]


def _middle(edge: Edge) -> FloatArray:
    middle: FloatArray = np.mean(list(edge), axis=0)
    return middle


def _triangles(cuts: list[tuple[Edge, Edge]]) -> list[FloatArray]:
    """Triangles (3, 3) that fill the closed lines made of some cuts."""
    triangles = []
    for loop in _loops(cuts):
        vertices = np.array([_middle(edge) for edge in loop])
        ways = _triangulations(0, len(loop) - 1)
        # Rounded, so that of equal areas the first counts on every machine.
        best = max(ways, key=lambda way: round(sum(_area(vertices[list(triangle)]) for triangle in way), 9))
        triangles += [vertices[list(triangle)] for triangle in best]
    return triangles


def _loops(cuts: list[tuple[Edge, Edge]]) -> list[list[Edge]]:
    """Join cuts to closed lines; each edge is the end of two cuts."""
    joined: dict[Edge, list[Edge]] = {}
    for one, other in cuts:
        joined.setdefault(one, []).append(other)
        joined.setdefault(other, []).append(one)
    loops = []
    while joined:
        edge = next(iter(joined))
        loop = []
        while edge in joined:
            loop.append(edge)
            neighbours = joined.pop(edge)
            edge = next((other for other in neighbours if other in joined), edge)
        loops.append(loop)
    return loops


@cache
def _triangulations(first: int, last: int) -> list[tuple[Triangle, ...]]:
    """Every way to cut the polygon of the vertices first .. last into triangles."""
    if last - first < 2:
        return [()]
    return [
        (*left, (first, middle, last), *right)
        for middle in range(first + 1, last)
        for left in _triangulations(first, middle)
        for right in _triangulations(middle, last)
    ]


def _area(triangle: FloatArray) -> float:
    return float(np.linalg.norm(np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0]))) / 2

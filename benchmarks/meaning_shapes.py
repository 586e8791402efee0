"""Shapes whose truth is known, as rows of `benchmarks.scale_meaning`: trunk and side vessels, bends, holes, a blob."""

import itertools
import warnings
from pathlib import Path

import numpy as np

from benchmarks.meaning_row import Mask, Row
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.vessels.branches import trace_branches
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph
from ramify.vessels.scales import ScaleWarning, decompose_quietly, decompose_scales
from ramify.vessels.skeleton import skeletonize

CUBES = (1.0, 1.0, 1.0)


def trunk_with_side_vessels() -> Mask:
    """A trunk 7 x 7 wide with eight side vessels 2 x 2 wide and 28 long: ten ends, eight junctions."""
    mask = np.zeros((80, 60, 60), dtype=bool)
    mask[5:75, 26:33, 26:33] = True
    for number, (axis, upwards) in enumerate([(1, True), (1, False), (2, True), (2, False)] * 2):
        first = 12 + 7 * number
        place = [slice(first, first + 2), slice(28, 30), slice(28, 30)]
        place[axis] = slice(30, 58) if upwards else slice(2, 30)
        mask[tuple(place)] = True
    return mask


def bent_vessel() -> Mask:
    """One vessel 4 x 4 wide with three bends, some 123 voxels long."""
    mask = np.zeros((60, 60, 60), dtype=bool)
    corners = np.array([(10, 40, 40), (40, 40, 40), (40, 40, 10), (10, 40, 10), (10, 10, 10)])
    for one, other in itertools.pairwise(corners):
        low, high = np.minimum(one, other), np.maximum(one, other) + 4
        mask[tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))] = True
    return mask


def tube_with_holes(holes: int) -> Mask:
    """A tube of radius 8, 69 long, with holes of one voxel on its axis."""
    z, y, x = np.indices((80, 40, 40))
    mask: Mask = ((y - 20) ** 2 + (x - 20) ** 2 <= 8**2) & (z > 5) & (z < 75)
    mask[10 + 6 * np.arange(holes), 20, 20] = False
    return mask


def tube_with_blob(radius: int) -> Mask:
    """A tube of radius 3, 121 long, with a ball in its middle."""
    z, y, x = np.indices((121, 41, 41))
    from_axis = (y - 20) ** 2 + (x - 20) ** 2
    mask: Mask = (from_axis <= 3**2) | ((z - 60) ** 2 + from_axis <= radius**2)
    return mask


def side_vessels(_: Path) -> str:
    """Ends and junctions of the skeleton and of the graph that is scored, in each order of the axes."""
    mask = trunk_with_side_vessels()
    found = set()
    for axes in itertools.permutations(range(3)):
        turned = np.ascontiguousarray(mask.transpose(axes))
        skeleton = centreline_graph(trace_branches(skeletonize(turned)), CUBES)
        for name, graph in (("skeleton", skeleton), ("scored graph", _centreline(turned))):
            found.add(f"{name}: {len(graph.endpoints_mm)} ends, {len(graph.bifurcations_mm)} junctions")
    return "; ".join(sorted(found, reverse=True))


def bends(_: Path) -> str:
    """Length of the bent vessel in each order of the axes."""
    lengths = [_centreline(bent_vessel().transpose(axes)).length_mm for axes in itertools.permutations(range(3))]
    return ", ".join(f"{length:.1f}" for length in sorted(set(np.round(lengths, 1))))


def holes(_: Path) -> str:
    """Radius and length of the tube with no hole, and with ten."""
    return "; ".join(
        f"{number} holes: radius {_largest_radius(mask):.2f}, centreline {_centreline(mask).length_mm:.0f}"
        for number in (0, 10)
        for mask in [tube_with_holes(number)]
    )


def blob(_: Path) -> str:
    """Radius of the tube without and with a ball of radius 10."""
    return ", ".join(f"{_largest_radius(tube_with_blob(radius)):.2f}" for radius in (0, 10))


def ties(_: Path) -> str:
    """What is said of a mask whose third quartile is its largest radius."""
    mask = np.zeros((60, 40), dtype=bool)
    mask[2:4, 3:37] = mask[10:18, 3:37] = mask[25:33, 3:37] = mask[40:48, 3:37] = True
    with warnings.catch_warnings(record=True, action="always") as caught:
        decompose_scales(mask, (1.0, 1.0))
    return "warned of" if any(found.category is ScaleWarning for found in caught) else "nothing"


def _centreline(mask: Mask) -> CentrelineGraph:
    return MaskAnalysis(np.ascontiguousarray(mask), CUBES).centreline


def _largest_radius(mask: Mask) -> float:
    return float(decompose_quietly(mask, CUBES).radii_mm.max())


SHAPES = {
    "side-vessels": Row(
        "trunk with eight side vessels, axes in any order", "10 ends, 8 junctions", side_vessels, False
    ),
    "bends": Row("bent vessel, axes in any order: length", "123 ± 5 %", bends, False),
    "holes": Row("tube of radius 8, 69 long", "radius 8.0 ± 3 %", holes, False),
    "blob": Row("tube of radius 3, with a ball of radius 10: radius", "3.2 at most", blob, False),
    "ties": Row("nothing is thicker than the third quartile", "warned of", ties, False),
}

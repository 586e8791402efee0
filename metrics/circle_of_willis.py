"""The circle of Willis as a graph: which of its edges a label map has, what they touch, and whether two maps agree.

As TopCoW defines it (Yang et al. 2023, arXiv 2312.17670, and its evaluation code of 2024): an edge is there if its
label is, but for A1 and P1, which have no label of their own: they are there where ACA touches ICA, and PCA the basilar
artery.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from ramify.metrics.detection import DETECTION_IOU
from ramify.metrics.masks import Mask
from ramify.vessels.box import foreground_box
from ramify.vessels.branches import voxels_of
from ramify.vessels.components import label_components

ARTERIES = (
    *("BA", "R-PCA", "L-PCA", "R-ICA", "R-MCA", "L-ICA", "L-MCA"),
    *("R-Pcom", "L-Pcom", "Acom", "R-ACA", "L-ACA", "3rd-A2"),
)
"""The names that classes must have; a map of arteries has their numbers, 1 for the first."""
BACK_AND_FRONT: dict[str, tuple[str, ...]] = {
    "anterior": ("Acom", "R-ACA", "L-ACA", "3rd-A2"),
    "posterior": ("R-PCA", "L-PCA", "R-Pcom", "L-Pcom"),
}
"""The arteries whose detection, pieces and neighbours must agree for the topology of either half to match."""
_EDGES = {"anterior": ("L-A1", "Acom", "3rd-A2", "R-A1"), "posterior": ("L-Pcom", "L-P1", "R-P1", "R-Pcom")}
_TOUCHING = {"L-A1": ("L-ACA", "L-ICA"), "R-A1": ("R-ACA", "R-ICA"), "L-P1": ("L-PCA", "BA"), "R-P1": ("R-PCA", "BA")}
_SIDES = {"anterior": (("L-ICA", "R-ICA"), ("L-ACA", "R-ACA")), "posterior": (("L-PCA", "R-PCA"),)}

Variant = tuple[int, ...]
"""Which edges of a half there are, 1 or 0 each: anterior L-A1, Acom, 3rd-A2, R-A1; posterior L-Pcom, L-P1, R-P1,
R-Pcom."""


class Artery(NamedTuple):
    """What is known of one artery in a map: its pieces, and the numbers of the arteries it touches (26 neighbours)."""

    pieces: int
    neighbours: frozenset[int]


def arteries_in(labels: NDArray[np.integer]) -> dict[str, Artery]:
    """Every artery that a map (z, y, x) has, by name."""
    found = {}
    for number, name in enumerate(ARTERIES, start=1):
        mask = labels == number
        box = foreground_box(mask, margin=1)
        inside: Mask = mask[box]
        if inside.any():
            around = binary_dilation(inside, np.ones((3, 3, 3), bool)) & ~inside
            touched = {int(other) for other in np.unique(labels[box][around]) if other}
            found[name] = Artery(label_components(inside)[1], frozenset(touched))
    return found


def variant_of(arteries: Mapping[str, Artery], half: str) -> Variant:
    """The variant of a half, from `arteries_in`.

    Examples:
        >>> from ramify.metrics.circle_of_willis import Artery, variant_of
        >>> without_left_a1 = {"Acom": Artery(1, frozenset({11, 12})), "L-ACA": Artery(1, frozenset({10}))}
        >>> without_left_a1["R-ACA"] = Artery(1, frozenset({4, 10}))  # 4: R-ICA
        >>> variant_of(without_left_a1, "anterior")
        (0, 1, 0, 1)
    """
    return tuple(int(_has_edge(arteries, edge)) for edge in _EDGES[half])


def _has_edge(arteries: Mapping[str, Artery], edge: str) -> bool:
    if edge not in _TOUCHING:
        return edge in arteries
    of, other = _TOUCHING[edge]
    return of in arteries and ARTERIES.index(other) + 1 in arteries[of].neighbours


def topology_matches(
    prediction: Mapping[str, Artery],
    target: Mapping[str, Artery],
    overlaps: Mapping[str, float],
    half: str,
    mirrored: bool,
) -> bool:
    """Whether a half is right in every respect: detected, in as many pieces, with the same neighbours, not mirrored.

    Args:
        prediction, target: from `arteries_in`.
        overlaps: IoU of each artery that is in either.
        half: `anterior` or `posterior`.
        mirrored: whether left and right of the half are swapped in the prediction (`is_mirrored`).
    """
    nothing = Artery(0, frozenset())
    return not mirrored and all(
        (name not in target or overlaps[name] >= DETECTION_IOU)
        and prediction.get(name, nothing) == target.get(name, nothing)
        for name in BACK_AND_FRONT[half]
    )


def is_mirrored(labels: NDArray[np.integer], half: str, left_mm: Sequence[float]) -> bool:
    """Whether a map's left arteries lie to the right of its right ones, by the medians of their voxels.

    Anterior by the ICAs, without both by the ACAs, posterior by the PCAs; without these nobody can tell, and it is not.

    Args:
        labels: a map of arteries (z, y, x).
        half: `anterior` or `posterior`.
        left_mm: how far a step along each axis leads to the patient's left.
    """
    for left, right in _SIDES[half]:
        places = [voxels_of(labels == ARTERIES.index(name) + 1) @ np.asarray(left_mm) for name in (left, right)]
        if all(len(place) for place in places):
            return bool(np.median(places[0]) < np.median(places[1]))
    return False

"""What a training asks of a whole case before it cuts a window from it: written once with the case.

Its labelled voxels lie in `vessel_indices.npy`, in groups of one class and one scale; how many each group has, and the
lowest value of each channel, stand in its record. So a window costs what lies in it, however large the case is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.tasks.class_table import IGNORED

VESSEL_INDICES = "vessel_indices"
_SCALES = 256


class Group(NamedTuple):
    """So many voxels of a class, by its number from 1 (the only one is 1), and a scale; context has scale 0."""

    number: int
    scale: int
    voxels: int


def index_vessels(
    scale_map: NDArray[np.integer], class_map: NDArray[np.integer] | None = None
) -> tuple[NDArray[np.int64], list[Group]]:
    """The labelled voxels of a case, sorted by class and scale.

    Args:
        scale_map: label map (*S), 0 background, 1 … S.
        class_map: the class of each voxel by number, (*S), 0 background, IGNORED where nobody knows, which is in no
            group; None where vessels are all there is.

    Returns:
        Where they lie in the map read as one row (C order), int64 (N,), rising within each group; and the groups that
        have voxels, sorted.

    Examples:
        >>> import numpy as np
        >>> from ramify.data.vessel_index import index_vessels
        >>> indices, groups = index_vessels(np.array([[0, 2, 1], [1, 0, 2]], np.uint8))
        >>> indices.tolist(), [tuple(group) for group in groups]
        ([2, 3, 1, 5], [(1, 1, 2), (1, 2, 2)])
    """
    known = scale_map if class_map is None else np.asarray(class_map) % IGNORED
    voxels = np.flatnonzero(known)
    labels = np.asarray(scale_map).ravel()[voxels].astype(np.int64)
    labels += _SCALES * (1 if class_map is None else np.asarray(class_map).ravel()[voxels].astype(np.int64))
    counts = np.bincount(labels)
    groups = [Group(*divmod(int(label), _SCALES), int(counts[label])) for label in np.flatnonzero(counts)]
    return voxels[np.argsort(labels, kind="stable")].astype(np.int64), groups


def describe_sampling(
    image: NDArray[np.floating], groups: Sequence[Group], class_map: NDArray[np.integer] | None = None
) -> dict[str, Any]:
    """What the record says for sampling; an image (C, *S) that is not finite, which no reader takes, has no lowest."""
    lowest = [float(channel.min()) for channel in image]
    return {
        "groups": [{"class": group.number, "scale": group.scale, "voxels": group.voxels} for group in groups],
        "ignored_voxels": 0 if class_map is None else int(np.count_nonzero(class_map == IGNORED)),
        "lowest_intensities": lowest if np.isfinite(lowest).all() else None,
    }


def check_vessel_index(
    indices: NDArray[np.int64],
    groups: Sequence[Group],
    scale_map: NDArray[np.integer],
    class_map: NDArray[np.integer] | None = None,
) -> None:
    """Raise ValueError where they are not those of the label maps."""
    expected, of_labels = index_vessels(scale_map, class_map)
    if list(groups) != of_labels or not np.array_equal(indices, expected):
        raise ValueError(
            f"{VESSEL_INDICES}.npy and the groups of voxels of its record are not those of scales.npy"
            + ("" if class_map is None else " and classes.npy")
        )


def draw_vessel_voxel(
    indices: NDArray[np.int64],
    groups: Sequence[Group],
    scale_shares: Sequence[float] | None,
    random: np.random.Generator,
    class_shares: Mapping[int, float] | None = None,
) -> int:
    """One of a case's vessel voxels, as a place in the map read as one row.

    First its class is drawn, then its scale, then the voxel.

    Args:
        indices: as of `index_vessels`, of one vessel at least; a single number of it is read.
        groups: likewise.
        scale_shares: how often each scale 1 … S is drawn, relative to one another; scales the case lacks leave theirs
            to the others. None, or shares of lacking scales alone: each voxel is as likely as another.
        random: to draw from.
        class_shares: how often each class is drawn, by its number, also one of context; none that is not named. None,
            or shares of classes the case lacks alone: each vessel is as likely as another.

    Examples:
        >>> import numpy as np
        >>> from ramify.data.vessel_index import draw_vessel_voxel, index_vessels
        >>> indices, groups = index_vessels(np.array([0, 2, 2, 2, 1], np.uint8))
        >>> draw_vessel_voxel(indices, groups, (1.0, 0.0), np.random.default_rng(0))  # the small one
        4
    """
    wanted = [number for number, group in enumerate(groups) if group.scale]
    if class_shares is not None and (drawn := _drawn_class(groups, class_shares, random)):
        wanted = [number for number, group in enumerate(groups) if group.number == drawn]
    if scale_shares is not None:
        scale = _drawn_scale([groups[number] for number in wanted], scale_shares, random)
        wanted = [number for number in wanted if scale in (0, groups[number].scale)]
    place = int(random.integers(sum(groups[number].voxels for number in wanted)))
    for number in wanted:
        if place < groups[number].voxels:
            return int(indices[sum(group.voxels for group in groups[:number]) + place])
        place -= groups[number].voxels
    raise AssertionError("a place is below the number of voxels")


def _drawn_class(groups: Sequence[Group], shares: Mapping[int, float], random: np.random.Generator) -> int:
    """One of the classes that are there, 0 where none of them has a share."""
    there = sorted({group.number for group in groups if shares.get(group.number, 0) > 0})
    if not there:
        return 0
    weights = np.array([shares[number] for number in there])
    return int(random.choice(there, p=weights / weights.sum()))


def _drawn_scale(groups: Sequence[Group], shares: Sequence[float], random: np.random.Generator) -> int:
    """One of the scales that are there, 0 where none of them has a share."""
    largest = max(group.scale for group in groups)
    there = {group.scale for group in groups}
    weights = np.array([share if scale in there else 0.0 for scale, share in enumerate(shares[:largest], 1)])
    return 1 + int(random.choice(len(weights), p=weights / weights.sum())) if weights.any() else 0

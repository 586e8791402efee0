"""What a training asks of a whole case before it cuts a window from it: written once with the case.

Its vessel voxels lie in `vessel_indices.npy`, sorted by scale; how many each scale has, and the lowest value of each
channel, stand in its record. So a window costs what lies in it, however large the case is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

VESSEL_INDICES = "vessel_indices"


def index_vessels(scale_map: NDArray[np.integer]) -> tuple[NDArray[np.int64], list[int]]:
    """The vessel voxels of a label map, those of scale 1 first.

    Args:
        scale_map: label map (*S), 0 background, 1 … S.

    Returns:
        Where they lie in the map read as one row (C order), int64 (N,), rising within each scale; and how many voxels
        each scale has, up to the largest label there is.

    Examples:
        >>> import numpy as np
        >>> from ramify.data.vessel_index import index_vessels
        >>> indices, counts = index_vessels(np.array([[0, 2, 1], [1, 0, 2]], np.uint8))
        >>> indices.tolist(), counts
        ([2, 3, 1, 5], [2, 2])
    """
    voxels = np.flatnonzero(scale_map)
    labels = np.asarray(scale_map).ravel()[voxels]
    return voxels[np.argsort(labels, kind="stable")].astype(np.int64), np.bincount(labels)[1:].tolist()


def describe_sampling(image: NDArray[np.floating], counts: Sequence[int]) -> dict[str, Any]:
    """What the record says for sampling; an image (C, *S) that is not finite, which no reader takes, has no lowest."""
    lowest = [float(channel.min()) for channel in image]
    return {"vessel_voxels": list(counts), "lowest_intensities": lowest if np.isfinite(lowest).all() else None}


def check_vessel_index(indices: NDArray[np.int64], counts: Sequence[int], scale_map: NDArray[np.integer]) -> None:
    """Raise ValueError where they are not those of the label map."""
    expected, of_scale = index_vessels(scale_map)
    if list(counts) != of_scale or not np.array_equal(indices, expected):
        raise ValueError(f"{VESSEL_INDICES}.npy and the vessel voxels of its record are not those of scales.npy")


def draw_vessel_voxel(
    indices: NDArray[np.int64], counts: Sequence[int], shares: Sequence[float] | None, random: np.random.Generator
) -> int:
    """One of a case's vessel voxels, as a place in the map read as one row.

    Args:
        indices: as of `index_vessels`, of one at least; a single number of it is read.
        counts: likewise.
        shares: how often each scale 1 … S is drawn, relative to one another; scales the case lacks leave theirs to the
            others. None, or shares of lacking scales alone: each vessel voxel is as likely as another.
        random: to draw from.

    Examples:
        >>> import numpy as np
        >>> from ramify.data.vessel_index import draw_vessel_voxel, index_vessels
        >>> indices, counts = index_vessels(np.array([0, 2, 2, 2, 1], np.uint8))
        >>> draw_vessel_voxel(indices, counts, (1.0, 0.0), np.random.default_rng(0))  # the small one
        4
    """
    weights = np.zeros(len(counts))
    if shares is not None:
        weights = np.where(np.array(counts) > 0, np.asarray(shares, dtype=np.float64)[: len(counts)], 0.0)
    if not weights.any():
        return int(indices[random.integers(len(indices))])
    scale = random.choice(len(counts), p=weights / weights.sum())
    return int(indices[sum(counts[:scale]) + random.integers(counts[scale])])

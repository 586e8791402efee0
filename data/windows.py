"""Where the window of a sample lies in its case: around the middle, on a voxel, or anywhere.

Window voxels fall on volume voxels: a sample that is not turned is not interpolated either, so the network learns from
the noise and the sharpness that it will see at prediction.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Centre = tuple[float, ...]
"""Voxel coordinates of a window's centre in its volume, halves for a window of an even number of voxels."""


def in_the_middle(shape: Sequence[int], window: Sequence[int]) -> Centre:
    """The window around the middle of a volume.

    Examples:
        >>> from ramify.data.windows import in_the_middle
        >>> in_the_middle((10, 7), (4, 8))  # voxels 3 … 6 and 0 … 7, one more than there are
        (4.5, 3.5)
    """
    return _centre_of(_spare(shape, window) // 2, window)


def on_voxel(voxel: Sequence[int], window: Sequence[int]) -> Centre:
    """The window that has a voxel in its middle; the later one of the two in the middle of an even number.

    Examples:
        >>> from ramify.data.windows import on_voxel
        >>> on_voxel((5, 5), (4, 3))  # voxels 3 … 6 and 4 … 6
        (4.5, 5.0)
    """
    return _centre_of(np.array(voxel) - np.array(window) // 2, window)


def anywhere(shape: Sequence[int], window: Sequence[int], random: np.random.Generator) -> Centre:
    """A window inside a volume, each place as likely as another; around the middle along an axis that it exceeds.

    Examples:
        >>> import numpy as np
        >>> from ramify.data.windows import anywhere
        >>> random = np.random.default_rng(0)
        >>> sorted({anywhere((6,), (4,), random) for _ in range(20)})
        [(1.5,), (2.5,), (3.5,)]
    """
    spare = _spare(shape, window)
    return _centre_of(np.where(spare > 0, random.integers(np.maximum(spare, 0) + 1), spare // 2), window)


def _spare(shape: Sequence[int], window: Sequence[int]) -> NDArray[np.int64]:
    return np.subtract(shape, window, dtype=np.int64)


def _centre_of(start: NDArray[np.int64], window: Sequence[int]) -> Centre:
    return tuple((start + (np.array(window) - 1) / 2).tolist())

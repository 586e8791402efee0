"""Simulated low resolution: the image on a coarser grid and back."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange, log_uniform


def low_resolution(drawn: Augmentation, draw: Draw) -> Augmentation:
    """Voxels of the coarser grid as a share of the sample's along an axis, drawn log-uniformly."""
    of = draw.settings.low_resolution
    factors = draw.for_channels("low_resolution", of, lambda random: log_uniform(random, of.factor))
    return drawn.with_grey(GreyChange(LowResolution(factor, of.axes), channel) for channel, factor in factors)


@dataclass(frozen=True)
class LowResolution:
    """A coarser grid over the same place: its voxels take the nearest one of the sample, which takes its own between
    theirs, linearly; beyond the outermost ones it is constant."""

    factor: float
    axes: Literal["all", "coarsest"] = "all"

    def __call__(self, channel: NDArray[np.float32], spacing_mm: tuple[float, ...]) -> None:
        """A channel (*S), changed where it is."""
        shape = (1,) * (3 - channel.ndim) + channel.shape
        coarser = [max(1, round(n * self.factor)) for n in channel.shape]
        if self.axes == "coarsest":
            coarsest = int(np.argmax(spacing_mm))
            coarser = [m if axis == coarsest else n for axis, (n, m) in enumerate(zip(channel.shape, coarser))]
        few = (1,) * (3 - channel.ndim) + tuple(coarser)
        nearest = [((np.arange(m) + 0.5) * n / m).astype(np.int64) for n, m in zip(shape, few, strict=True)]
        # Between which two of the few each voxel lies, and the share of the second.
        places = [np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1) for n, m in zip(shape, few, strict=True)]
        lower = [place.astype(np.int64) for place in places]
        share = [(place - below).astype(np.float32) for place, below in zip(places, lower, strict=True)]
        values = channel.reshape(shape)
        _between(_taken(values, *nearest), *lower, *share, values)


@compiled(nogil=True)
def _taken(values, planes, rows, columns):  # type: ignore[no-untyped-def]
    taken = np.empty((len(planes), len(rows), len(columns)), dtype=np.float32)
    for k in range(len(planes)):
        for j in range(len(rows)):
            row = values[planes[k], rows[j]]
            for i in range(len(columns)):
                taken[k, j, i] = row[columns[i]]
    return taken


@compiled(nogil=True)
def _between(few, lower_z, lower_y, lower_x, share_z, share_y, share_x, values):  # type: ignore[no-untyped-def]
    planes, rows, columns = few.shape
    plane, row = np.empty((rows, columns), dtype=np.float32), np.empty(columns, dtype=np.float32)
    for k in range(values.shape[0]):
        below, above, share = few[lower_z[k]], few[min(lower_z[k] + 1, planes - 1)], share_z[k]
        for j in range(rows):
            for i in range(columns):
                plane[j, i] = below[j, i] + (above[j, i] - below[j, i]) * share
        for j in range(values.shape[1]):
            near, far, share = plane[lower_y[j]], plane[min(lower_y[j] + 1, rows - 1)], share_y[j]
            for i in range(columns):
                row[i] = near[i] + (far[i] - near[i]) * share
            for i in range(values.shape[2]):
                left, right = row[lower_x[i]], row[min(lower_x[i] + 1, columns - 1)]
                values[k, j, i] = left + (right - left) * share_x[i]

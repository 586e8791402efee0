"""The vessels of a case as they were drawn, whole and on their own voxels, analysed as the truth of an evaluation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.pair import analyse_target
from ramify.preprocessing.grid import Grid
from ramify.vessels.box import foreground_box
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import with_shared_thresholds

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DrawnVessels:
    """A vessel mask in a box of the turned volume (axes along the patient's), *B, and what counts of it.

    Attributes:
        truth: analysis of what counts, as that of an evaluation's truth; its `whole` is all that was drawn.
        box: where in the turned volume it lies; wide enough for what a prepared mask of the vessels covers there.
        wanted: bool (*B), what counts of the vessels: what lies in the organ, or all of them.
        shared: their decomposition beside that of other classes, whose thresholds may be theirs; None: alone.
    """

    truth: MaskAnalysis
    box: tuple[slice, ...]
    wanted: Mask
    shared: ScaleDecomposition | None = None

    @property
    def start(self) -> tuple[int, ...]:
        """Where in the turned volume the box begins."""
        return tuple(side.start for side in self.box)

    @property
    def decomposition(self) -> ScaleDecomposition:
        """All that was drawn, taken apart, laid as the analysis lays it; there must be vessels."""
        return self.shared or self.truth.whole.decomposition

    @cached_property
    def scale_map(self) -> NDArray[np.uint8]:
        """The scales of all that was drawn, uint8 (*B), 0 background; there must be vessels."""
        return self._restored(self.decomposition.scale_map)

    @cached_property
    def branches(self) -> NDArray[np.int32]:
        """The branches, int32 (*B), 0 background, from 1 up; there must be vessels."""
        return self._restored(self.decomposition.branches)

    def _restored(self, laid: np.ndarray) -> np.ndarray:
        """An array of the whole analysis, which lies in its own way and box, as the volume lies."""
        restored = np.zeros(self.wanted.shape, dtype=laid.dtype)
        self.truth.poses[0].lay(restored)[self.truth.whole.box] = laid
        return restored


def analyse_drawn(vessels: Mask, organ: Mask | None, grid: Grid, scales: ScaleSettings) -> DrawnVessels:
    """Look at the vessels of a case before anything is done to them.

    Args:
        vessels: bool (*native S), all that were drawn, also outside the organ.
        organ: bool (*native S), the part that counts, which holds some of them; None: all.
        grid: on which the case is prepared.
        scales: how they are decomposed.
    """
    turned = grid.turned(vessels)
    # What comes back from the prepared grid reaches half a voxel of that grid farther, and interpolation one of these.
    crop = zip(grid.crop_start, grid.crop_stop, grid.shape, strict=True)
    margin = 1 + max(math.ceil((stop - start) / new) for start, stop, new in crop)
    empty = not turned.any()
    box = (slice(0, 1),) * grid.ndim if empty else foreground_box(turned, margin)
    drawn = np.ascontiguousarray(turned[box])
    inside = None if organ is None or empty else np.ascontiguousarray(grid.turned(organ)[box])
    truth = analyse_target(drawn, grid.turned_spacing_mm, scales=scales, region=inside)
    return DrawnVessels(truth, box, drawn if inside is None else drawn & inside)


def sharing_thresholds(
    classes: Mapping[int, DrawnVessels], scales: ScaleSettings
) -> tuple[dict[int, DrawnVessels], tuple[str, ...]]:
    """Vessels of several classes by thresholds over the branches of all of them, if so set, and notes on these.

    Each class must have vessels.
    """
    alone = {number: drawn.truth.whole.decomposition for number, drawn in classes.items()}
    parts, notes = with_shared_thresholds(alone, scales)
    return {number: replace(drawn, shared=parts[number]) for number, drawn in classes.items()}, notes

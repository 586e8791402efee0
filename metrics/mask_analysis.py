"""What is known of one mask: each part computed when first asked for, once, and shared by all measures.

A truth met by many predictions is analysed once. Everything lies in the mask's own box, so that no part of it hangs on
the mask it is compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metrics.masks import Mask, check_mask, check_spacing
from vessels.box import foreground_box
from vessels.branches import BranchGraph, trace_branches, voxels_of
from vessels.components import label_components
from vessels.distance import surface
from vessels.scales import ScaleDecomposition, ScaleSettings, decompose_scales
from vessels.skeleton import skeletonize

SkeletonMethod = Literal["guarded", "scikit-image"]


@dataclass(frozen=True, eq=False)
class MaskAnalysis:
    """A mask with its box, components, surface, skeleton, branches and scales, each computed on first use and kept.

    Arrays named after a part (`skeleton`, `components`, `surface`, `scales.labels`) cover `box` alone; voxel indices
    (`skeleton_voxels`, `surface_voxels`, `branches.voxels`) count from the corner of the whole volume, so that those
    of two masks can be compared.

    mask: bool (*S), 2D or 3D, the whole volume; not copied.
    spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
    skeleton_method: `guarded` thinning (`vessels.skeleton`), or that of `scikit-image`, which may lose components.
    scale_settings: how `scales` are told apart.
    name: what messages call the mask.

    Raises ValueError for a mask that is not boolean, not 2D or 3D or without voxels, or a bad spacing.
    """

    mask: Mask
    spacing_mm: Sequence[float]
    skeleton_method: SkeletonMethod = "guarded"
    scale_settings: ScaleSettings = ScaleSettings()
    name: str = "mask"

    def __post_init__(self) -> None:
        check_mask(self.mask, self.name)
        object.__setattr__(self, "spacing_mm", check_spacing(self.spacing_mm, self.mask.ndim))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole volume."""
        return self.mask.shape

    @property
    def is_empty(self) -> bool:
        return self.n_voxels == 0

    @cached_property
    def box(self) -> tuple[slice, ...]:
        """The mask's box, one voxel wider on every side where the volume goes on; all slices 0:0 if it is empty.

        The margin tells a surface apart from the volume's border: a voxel is on the surface if a face neighbour within
        the volume is background.
        """
        tight = foreground_box(self.mask)
        if tight[0].stop == 0:
            return tight
        return tuple(
            slice(max(side.start - 1, 0), min(side.stop + 1, size))
            for side, size in zip(tight, self.mask.shape, strict=True)
        )

    @property
    def corner(self) -> NDArray[np.int64]:
        """Index of the box's first voxel in the whole volume, int (ndim,)."""
        return np.array([side.start for side in self.box], dtype=np.int64)

    @cached_property
    def inside(self) -> Mask:
        """The mask within its box, bool, contiguous."""
        return np.ascontiguousarray(self.mask[self.box])

    @cached_property
    def n_voxels(self) -> int:
        """Number of foreground voxels."""
        return int(np.count_nonzero(self.inside))

    @cached_property
    def skeleton(self) -> Mask:
        """Skeleton within the box, by `skeleton_method`."""
        if self.skeleton_method == "guarded" or self.is_empty:
            return skeletonize(self.inside)
        from skimage.morphology import skeletonize as lee_thinning

        return np.asarray(lee_thinning(self.inside, method="lee")) != 0

    @cached_property
    def skeleton_voxels(self) -> NDArray[np.int64]:
        """Indices of the skeleton's voxels in the whole volume, int (N, ndim), in C order."""
        return voxels_of(self.skeleton) + self.corner

    @cached_property
    def components(self) -> NDArray[np.int32]:
        """Connected components (26 in 3D, 8 in 2D) within the box, numbered from 1."""
        return self._labelled[0]

    @property
    def n_components(self) -> int:
        return self._labelled[1]

    @cached_property
    def _labelled(self) -> tuple[NDArray[np.int32], int]:
        return label_components(self.inside)

    @cached_property
    def surface(self) -> Mask:
        """Foreground voxels with a background face neighbour in the volume, within the box."""
        return surface(self.inside)

    @cached_property
    def surface_voxels(self) -> NDArray[np.int64]:
        """Indices of the surface voxels in the whole volume, int (N, ndim), in C order."""
        return voxels_of(self.surface) + self.corner

    @cached_property
    def branches(self) -> BranchGraph:
        """The skeleton cut at its junctions; its voxels are indices in the whole volume."""
        graph = trace_branches(self.skeleton)
        return replace(graph, voxels=graph.voxels + self.corner)

    @cached_property
    def scales(self) -> ScaleDecomposition:
        """Scales of the mask by `scale_settings`, its arrays within the box; the mask must not be empty."""
        return decompose_scales(self.inside, self.spacing_mm, **dict(self.scale_settings))

    def holds(self, voxels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the mask holds each of some voxels of the whole volume, int (N, ndim) -> bool (N,)."""
        return self.mask[tuple(voxels.T)]

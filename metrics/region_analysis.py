"""A mask within a region, as vessels within their organ: its voxels cut there, its tree that of the whole mask.

A vessel that is cut at the border of an organ leaves rims behind: of the vena cava beside the liver, a shell a voxel
thick. Decomposed and thinned by themselves, rims would be the smallest vessels there are. So the skeleton, the graph,
the scales and the topology are those of the mask as it was drawn, and the region only says which part of them counts.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask
from ramify.vessels.betti import BettiNumbers
from ramify.vessels.curve_graph import CentrelineGraph
from ramify.vessels.curve_parts import part_inside
from ramify.vessels.decomposition import ScaleDecomposition


@dataclass(frozen=True, eq=False)
class RegionAnalysis(MaskAnalysis):
    """The analysis of a mask cut to a region, made from that of the whole mask.

    With scikit-image's skeletons, whose numbers are compared with those of others, the mask is cut before it is
    thinned, as others do; scales and topology are those of the whole mask all the same.

    Args:
        mask: bool (*S), the mask cut to the region.
        drawn: the analysis of the whole mask, of which `mask` is the part in the region.
        region: bool (*S).

    The others are those of `MaskAnalysis`.
    """

    drawn: MaskAnalysis = field(kw_only=True)
    region: Mask = field(kw_only=True)

    @property
    def whole(self) -> MaskAnalysis:
        return self.drawn

    @cached_property
    def tree(self) -> MaskAnalysis:
        if self.skeleton_method == "guarded":
            return self.drawn
        return MaskAnalysis(self.mask, self.spacing_mm, self.skeleton_method, self.scale_settings)

    @cached_property
    def n_considered(self) -> int:
        return int(np.count_nonzero(self.region))

    @cached_property
    def skeleton_voxels(self) -> NDArray[np.int64]:
        """Indices of those voxels of the tree's skeleton that lie in the region, int (N, ndim)."""
        voxels = self.tree.skeleton_voxels
        here: NDArray[np.int64] = voxels[self.region[tuple(voxels.T)]]
        return here

    @cached_property
    def skeleton(self) -> Mask:
        skeleton = np.zeros(self.inside.shape, dtype=bool)
        skeleton[tuple((self.skeleton_voxels - self.corner).T)] = True
        return skeleton

    @property
    def centreline(self) -> CentrelineGraph:
        """The part of the tree's curves that lies in the region; where a vessel leaves it, it does not end."""
        return self._part[0]

    @cached_property
    def local_radii_mm(self) -> NDArray[np.float64]:
        return self.tree.local_radii_mm[self._part[1]]

    @cached_property
    def _part(self) -> tuple[CentrelineGraph, NDArray[np.int64]]:
        whole = self.tree.centreline
        return part_inside(whole, self.region[tuple(whole.voxels.T)])

    @cached_property
    def decomposition(self) -> ScaleDecomposition:
        """The whole mask's scales, its maps cut to the region and within the box of what is left; its graph whole."""
        whole = self.drawn.decomposition
        here = tuple(
            slice(own.start - all_of.start, own.stop - all_of.start)
            for own, all_of in zip(self.box, self.drawn.box, strict=True)
        )
        return replace(
            whole,
            scale_map=whole.scale_map[here] * self.inside,
            branches=whole.branches[here] * self.inside,
            skeleton=whole.skeleton[here] & self.inside,
            graph=replace(whole.graph, voxels=whole.graph.voxels - (self.corner - self.drawn.corner)),
            extent=tuple(slice(-side.start, size - side.start) for side, size in zip(here, whole.scale_map.shape)),
        )

    @cached_property
    def betti(self) -> BettiNumbers:
        """Of the whole mask; all 0 where nothing of it lies in the region."""
        return BettiNumbers(0, 0, 0) if self.is_empty else self.drawn.betti

    def holds(self, voxels: NDArray[np.integer]) -> NDArray[np.bool_]:
        held: NDArray[np.bool_] = self.drawn.holds(voxels) & self.region[tuple(voxels.T)]
        return held

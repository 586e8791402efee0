"""Analyses turned back to how the masks were stored, for whoever looks at them beside their files."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask
from ramify.vessels.curve_graph import CentrelineGraph
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.orientation import Orientation


def as_stored(prediction: MaskAnalysis, target: MaskAnalysis) -> tuple[MaskAnalysis, MaskAnalysis]:
    """The analyses of a pair, `metrics.pair`, on the grid of the files; as they are where they were not turned.

    Nothing is thinned or decomposed anew: what a report shows is what was measured.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import EvaluationSettings, analyse_pair, as_stored
        >>> mask = np.zeros((5, 9, 30), bool)
        >>> mask[2, 4, 3:20] = True
        >>> pair = analyse_pair(mask, mask, (1.0, 1.0, 1.0), EvaluationSettings())
        >>> bool((as_stored(*pair)[1].mask == mask).all())
        True
    """
    # A symmetric target is the same array in several poses: which of them it was stored in, the prediction knows.
    poses = prediction.poses or target.poses
    if not poses or poses[0] == Orientation.as_stored(target.mask.ndim):
        return prediction, target
    return _turned_back(prediction, poses[0]), _turned_back(target, poses[0])


def _turned_back(laid: MaskAnalysis, pose: Orientation) -> MaskAnalysis:
    return StoredAnalysis(
        pose.restore(laid.mask),
        pose.restore_sizes(laid.spacing_mm),
        laid.skeleton_method,
        laid.scale_settings,
        name=laid.name,
        laid=laid,
        pose=pose,
    )


@dataclass(frozen=True, eq=False)
class StoredAnalysis(MaskAnalysis):
    """What was found of a mask that was laid down, where it lies in the mask as stored.

    Args:
        laid: the analysis of the mask laid down.
        pose: how it was laid down.

    The others are those of `MaskAnalysis`.
    """

    laid: MaskAnalysis = field(kw_only=True)
    pose: Orientation = field(kw_only=True)

    @cached_property
    def skeleton_voxels(self) -> NDArray[np.int64]:
        return self._voxels(self.laid.skeleton_voxels)

    @cached_property
    def skeleton(self) -> Mask:
        return self.pose.restore(self.laid.skeleton)

    @cached_property
    def centreline(self) -> CentrelineGraph:
        graph = self.laid.centreline
        last_mm = (np.array(self.shape) - 1) * np.array(self.spacing_mm)
        return replace(
            graph,
            points_mm=self.pose.restore_points(graph.points_mm, last_mm),
            nodes_mm=self.pose.restore_points(graph.nodes_mm, last_mm),
            voxels=self._voxels(graph.voxels),
        )

    @property
    def local_radii_mm(self) -> NDArray[np.float64]:
        return self.laid.local_radii_mm

    @cached_property
    def decomposition(self) -> ScaleDecomposition:
        found, restore = self.laid.decomposition, self.pose.restore
        scale_map = restore(found.scale_map)
        last = np.array(scale_map.shape) - 1
        corners = np.array([[side.start, side.stop - 1] for side in found.extent]).T
        corners = self.pose.restore_points(corners, last)
        return replace(
            found,
            graph=replace(found.graph, voxels=self.pose.restore_points(found.graph.voxels, last)),
            spacing_mm=self.pose.restore_sizes(found.spacing_mm),
            scale_map=scale_map,
            branches=restore(found.branches),
            skeleton=restore(found.skeleton),
            extent=tuple(slice(min(ends), max(ends) + 1) for ends in corners.T.tolist()),
        )

    def _voxels(self, laid: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.pose.restore_points(laid, np.array(self.shape) - 1)

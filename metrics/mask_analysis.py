"""What is known of one mask: each part computed when first asked for, once, and shared by all measures.

A truth met by many predictions is analysed once. Everything lies in the mask's own box, so that no part of it hangs on
the mask it is compared with. A mask cut to an organ is a `metrics.region_analysis.RegionAnalysis`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.masks import Mask, check_mask, check_spacing
from ramify.metrics.settings import SkeletonMethod
from ramify.vessels.betti import BettiNumbers, betti_numbers
from ramify.vessels.box import foreground_box
from ramify.vessels.branches import BranchGraph, trace_branches, voxels_of
from ramify.vessels.components import label_components
from ramify.vessels.curve_graph import CentrelineGraph, centreline_graph
from ramify.vessels.decomposition import ScaleDecomposition
from ramify.vessels.distance import surface
from ramify.vessels.local_radius import local_radii_mm
from ramify.vessels.octants import BoundaryCorners, boundary_corners
from ramify.vessels.orientation import Orientation
from ramify.vessels.point_index import PointIndex
from ramify.vessels.scale_settings import ScaleSettings
from ramify.vessels.scales import decompose_quietly
from ramify.vessels.solid import Solid, skeletonize_solid
from ramify.vessels.spurs import prune_spurs
from ramify.vessels.wall import Wall


@dataclass(frozen=True, eq=False)
class MaskAnalysis:
    """A mask with its box, components, surface, skeleton, branches and scales, each computed on first use and kept.

    Arrays named after a part (`skeleton`, `components`, `surface`, `decomposition.scale_map`) cover `box` alone; voxel
    indices (`skeleton_voxels`, `surface_points.points`, `branches.voxels`) count from the corner of the whole volume,
    so that those of two masks can be compared.

    Args:
        mask: bool (*S), 2D or 3D, the whole volume; not copied.
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        skeleton_method: whose thinning.
        scale_settings: of the `decomposition`.
        scale_region: bool (*S), the part of the volume whose vessels set the radii that separate the scales; None: all.
        poses: orientations that lay the mask down as it is here, for one that was stored otherwise; all give the same
            array. None: it is as stored.
        name: what messages call the mask.

    Raises ValueError for a mask that is not boolean, not 2D or 3D or without voxels, or a bad spacing.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import MaskAnalysis
        >>> mask = np.zeros((9, 9, 20), bool)
        >>> mask[3:6, 3:6, 2:18] = True
        >>> analysis = MaskAnalysis(mask, spacing_mm=(1.0, 1.0, 1.0))
        >>> analysis.n_voxels, analysis.betti.pieces, len(analysis.skeleton_voxels)
        (144, 1, 14)
    """

    mask: Mask
    spacing_mm: Sequence[float]
    skeleton_method: SkeletonMethod = "guarded"
    scale_settings: ScaleSettings = field(default_factory=ScaleSettings)
    scale_region: Mask | None = None
    poses: tuple[Orientation, ...] = ()
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

    @property
    def whole(self) -> "MaskAnalysis":
        """The mask as it was drawn, before it was cut to a region."""
        return self

    @property
    def tree(self) -> "MaskAnalysis":
        """The mask whose skeleton and graph these are a part of."""
        return self

    @cached_property
    def box(self) -> tuple[slice, ...]:
        """The mask's box, one voxel wider on every side where the volume goes on; all slices 0:0 if it is empty.

        The margin tells a surface apart from the volume's border: a voxel is on the surface if a face neighbour within
        the volume is background.
        """
        return foreground_box(self.mask, margin=1)

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
    def _thinned(self) -> Solid:
        """What is thinned, within the mask's box, and its skeleton, by `skeleton_method`."""
        if self.skeleton_method == "guarded" or self.is_empty:
            return skeletonize_solid(self.inside, self.spacing_mm, self.scale_settings.largest_cavity_mm3)
        from skimage.morphology import skeletonize as their_thinning

        return Solid(self.inside, np.asarray(their_thinning(self.inside)) != 0)

    @property
    def solid(self) -> Mask:
        """The mask within its box with its small cavities filled, which would make shells of its skeleton."""
        return self._thinned.mask

    @property
    def skeleton(self) -> Mask:
        """Skeleton of `solid`, by `skeleton_method`."""
        return self._thinned.skeleton

    @cached_property
    def skeleton_voxels(self) -> NDArray[np.int64]:
        """Indices of the skeleton's voxels in the whole volume that are the mask's, int (N, ndim), in C order."""
        return voxels_of(self.skeleton & self.inside) + self.corner

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
        """Foreground voxels with a background face neighbour in the volume, within the box.

        A mask that fills its volume has none: the voxels at the volume's border stand in.
        """
        edge = surface(self.inside)
        if not edge.any():
            edge = self.inside.copy()
            edge[(slice(1, -1),) * edge.ndim] = False
        return edge

    @cached_property
    def surface_points(self) -> PointIndex:
        """The voxels of `surface`, to measure distances to; `points` counts from the corner of the whole volume."""
        return PointIndex(voxels_of(self.surface) + self.corner, self.spacing_mm)

    @cached_property
    def boundary(self) -> BoundaryCorners:
        """Grid corners between foreground and background, counted from the corner of the whole volume."""
        found = boundary_corners(self.inside)
        return replace(found, corners=found.corners + self.corner.astype(np.int32))

    @cached_property
    def boundary_points(self) -> PointIndex:
        """The corners of `boundary`, to measure distances to."""
        return PointIndex(self.boundary.corners, self.spacing_mm)

    @cached_property
    def betti(self) -> BettiNumbers:
        """Pieces, tunnels and cavities."""
        return betti_numbers(self.inside, self.boundary)

    @cached_property
    def branches(self) -> BranchGraph:
        """The skeleton cut at its junctions, without its spurs; its voxels are indices in the whole volume."""
        graph = trace_branches(self.skeleton)
        if graph.n_branches:
            graph = prune_spurs(graph, self._depth_mm(graph.voxels), self.spacing_mm)
        return replace(graph, voxels=graph.voxels + self.corner)

    @cached_property
    def centreline(self) -> CentrelineGraph:
        """The branches as curves in mm from the centre of the volume's first voxel, and the nodes where they meet.

        Curves run to the tips of the vessels, beyond where thinning left their ends.
        """
        branches = self.branches
        graph = centreline_graph(branches, self.spacing_mm, self._depth_mm(branches.voxels - self.corner))
        return graph.within([slice(0, size) for size in self.shape], self.spacing_mm)

    def _depth_mm(self, voxels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Distance to the wall from some voxels of the skeleton, int (N, ndim), within the box, mm."""
        known, depth_mm = self._depths_mm
        wanted = np.ravel_multi_index(tuple(voxels.T), self.skeleton.shape)
        depth: NDArray[np.float64] = depth_mm[np.searchsorted(known, wanted)]
        return depth

    @cached_property
    def _depths_mm(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The skeleton's voxels, as places in the flat box, and the distance of each to the wall, mm."""
        known, voxels = np.flatnonzero(self.skeleton), voxels_of(self.skeleton)
        if not len(known):
            return known, np.empty(0)
        return known, Wall(self.solid, self.spacing_mm).distance_mm(voxels * np.array(self.spacing_mm))

    @cached_property
    def local_radii_mm(self) -> NDArray[np.float64]:
        """Radius of the vessel at each point of the centreline, float (M,), mm."""
        return local_radii_mm(self.centreline.voxels - self.corner, self.solid, self.spacing_mm)

    @cached_property
    def decomposition(self) -> ScaleDecomposition:
        """The mask's scales by `scale_settings`, its arrays within the box; the mask must not be empty."""
        region = None if self.scale_region is None else self.scale_region[self.box]
        return decompose_quietly(self.inside, self.spacing_mm, self.scale_settings, region)

    @property
    def n_considered(self) -> int:
        """Number of voxels that were looked at."""
        return self.mask.size

    def holds(self, voxels: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the mask holds each of some voxels of the whole volume, int (N, ndim) -> bool (N,)."""
        held: NDArray[np.bool_] = self.mask[tuple(voxels.T)]
        return held

    def voxels_outside(self, other: "MaskAnalysis") -> NDArray[np.int64]:
        """Indices in the whole volume of the voxels that this mask holds and the other does not, int (N, ndim)."""
        return voxels_of(self.inside & ~other.mask[self.box]) + self.corner

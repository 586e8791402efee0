"""The wall of a mask as triangles in patient coordinates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from ramify.data.volume import Volume
from ramify.report.settings import Space
from ramify.vessels.wall_mesh import enclosed_volume, facing_outwards, inner_voxels, wall_triangles

# Taubin's pair: a step that smooths and shrinks, and one that takes the shrinking back (Taubin 1995).
_SHRINK, _GROW = 0.5, -0.53


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles of a closed surface.

    Attributes:
        points: float64 (N, 3), x, y, z in mm in the patient.
        triangles: int32 (M, 3), points counter-clockwise seen from outside.
        voxels: int (N, ndim), the voxel of the mask beside each point; None where points were moved or left out.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int32]
    voxels: NDArray[np.int64] | None = None

    def volume_mm3(self) -> float:
        """What the surface encloses; positive where the triangles face outwards."""
        return enclosed_volume(self.points, self.triangles)

    def normals(self) -> NDArray[np.float64]:
        """Unit normal at each point, float (N, 3), the mean over its triangles by their areas; (0, 0, 1) at none."""
        first, second, third = (self.points[self.triangles[:, corner]] for corner in range(3))
        faces = np.cross(second - first, third - first)
        total = np.zeros_like(self.points)
        for axis in range(3):
            # One sum an axis: bincount is much faster than adding rows in place.
            weights = np.repeat(faces[:, axis], 3)
            total[:, axis] = np.bincount(self.triangles.ravel(), weights, minlength=len(total))
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return np.where(length > 0, total / np.where(length > 0, length, 1), (0.0, 0.0, 1.0))


def patient_points(place: Volume, indices: NDArray[np.floating | np.integer], space: Space) -> NDArray[np.float64]:
    """Where array indices lie in the patient: float (N, 3), x, y, z in mm; z is 0 for an image of two dimensions.

    Args:
        place: the volume whose grid the indices (N, ndim) count in; they may be fractional.
        indices: z, y, x (2D: y, x), the centre of the first voxel is 0.
        space: see `Space`.
    """
    points = place.world_mm(indices)[:, ::-1]
    if place.ndim == 2:
        points = np.column_stack([points, np.zeros(len(points))])
    return points * (1.0 if space == "lps" else np.array([-1.0, -1.0, 1.0]))


def extract_surface(mask: NDArray[np.bool_], place: Volume, space: Space = "lps") -> Surface:
    """The surface half-way between the voxel centres inside and outside a mask (marching cubes, Lewiner et al. 2003).

    It is closed: where a vessel leaves the volume it ends half a voxel beyond the last voxel's centre. It follows the
    voxels, staircase and all; `smoothed` frees it of that.

    Args:
        mask: bool (z, y, x), on the grid of `place`.
        place: the volume that says where the grid lies; its own array is not looked at.
        space: see `Space`.

    Returns:
        a surface without triangles for an empty mask.

    Raises:
        ValueError: the mask is not three-dimensional, or of another shape than the place.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.report import extract_surface
        >>> mask = np.pad(np.ones((1, 1, 1), bool), 1)
        >>> surface = extract_surface(mask, Volume(mask, (1.0, 1.0, 1.0)))
        >>> surface.points.shape, len(surface.triangles)  # an octahedron around the voxel
        ((6, 3), 8)
    """
    if mask.ndim != 3 or mask.shape != place.shape:
        raise ValueError(f"surface: expected a mask of shape {place.shape} in three dimensions, got {mask.shape}")
    corners, triangles = wall_triangles(mask)
    points = patient_points(place, corners, space)
    # A grid may be left-handed, and z, y, x is: which way round a triangle goes is told by the volume inside.
    return Surface(points, facing_outwards(points, triangles), inner_voxels(corners, mask))


def smoothed(surface: Surface, rounds: int) -> Surface:
    """The surface without the voxels' staircase, for the eye: Taubin's smoothing, which hardly shrinks (Taubin 1995).

    rounds: pairs of steps towards and from the mean of each point's neighbours; 0 changes nothing.
    """
    if rounds == 0 or not len(surface.triangles):
        return surface
    count = len(surface.points)
    edges = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    links = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
    links = links + links.T
    share = 1 / np.maximum(links.sum(axis=1), 1)
    points = surface.points
    for _ in range(rounds):
        for step in (_SHRINK, _GROW):
            points = points + step * ((links @ points) * share[:, None] - points)
    return Surface(points, surface.triangles)

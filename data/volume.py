"""A volume: an array that knows where it lies in the patient."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = tuple[float, ...]
Matrix = tuple[tuple[float, ...], ...]

MISPLACEMENT_VOXELS = 0.1
"""Two grids are one where no corner voxel lies further apart than this share of the finest voxel side ..."""
MISPLACEMENT_MM = 0.1
"""... and never further than this, so that thick slices do not excuse a shift that a thin vessel would notice."""

_ORTHONORMAL_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Volume:
    """An image, mask or label map with its place in space; everything in array axis order: z, y, x (2D: y, x).

    Attributes:
        array: (*S), any number type, 2 or 3 dimensions.
        spacing_mm: distance between neighbouring voxel centres along each array axis, > 0.
        origin_mm: centre of voxel (0, 0, 0) in the world (LPS), components z, y, x. Default: zeros.
        direction: rows are world components (z, y, x), columns the unit vectors of the array axes. Default: identity.
        notes: what its reader had to assume or to mend, a plain line each, for whoever uses it to pass on.
        placed: whether its place is known; not so for a picture or TIFF whose spacing nobody gave.

    Raises ValueError where these do not fit together.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> volume = Volume(np.zeros((4, 5, 6)), spacing_mm=(2.0, 1.0, 1.0), origin_mm=(10.0, 0.0, 0.0))
        >>> volume.world_mm((1, 0, 0)).tolist()  # z, y, x
        [12.0, 0.0, 0.0]
    """

    array: NDArray[Any]
    spacing_mm: Vector
    origin_mm: Vector = ()
    direction: Matrix = ()
    notes: tuple[str, ...] = ()
    placed: bool = True

    def __post_init__(self) -> None:
        ndim = self.array.ndim
        if ndim not in (2, 3):
            raise ValueError(
                f"volume: expected 2 or 3 dimensions, got {ndim} (shape {self.array.shape}); take one image"
            )
        if 0 in self.array.shape:
            raise ValueError(f"volume: shape {self.array.shape} holds no voxel")
        origin = self.origin_mm or (0.0,) * ndim
        direction = self.direction or tuple(tuple(row) for row in np.eye(ndim).tolist())
        object.__setattr__(self, "spacing_mm", checked_spacing(self.spacing_mm, ndim))
        object.__setattr__(self, "origin_mm", tuple(float(value) for value in origin))
        object.__setattr__(self, "direction", tuple(tuple(float(value) for value in row) for row in direction))
        self._check_place()

    def _check_place(self) -> None:
        matrix = np.array(self.direction)
        if len(self.origin_mm) != self.ndim or not np.isfinite(self.origin_mm).all():
            raise ValueError(f"volume: expected an origin of {self.ndim} finite numbers, got {self.origin_mm}")
        if matrix.shape != (self.ndim, self.ndim) or not np.isfinite(matrix).all():
            raise ValueError(f"volume: expected a {self.ndim} x {self.ndim} direction, got {self.direction}")
        if np.abs(matrix.T @ matrix - np.eye(self.ndim)).max() > _ORTHONORMAL_TOLERANCE:
            raise ValueError(
                f"volume: the axes of the direction must be unit vectors at right angles, got {self.direction}"
            )

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def with_array(self, array: NDArray[Any]) -> Volume:
        """Another array of the same shape in the same place, made of this one; raises ValueError for another shape."""
        if array.shape != self.shape:
            raise ValueError(f"volume: expected an array of shape {self.shape} for this grid, got {array.shape}")
        return replace(self, array=array)

    def affine(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(matrix, offset) with world = matrix @ index + offset; world in mm, components z, y, x."""
        return np.array(self.direction) * np.array(self.spacing_mm), np.array(self.origin_mm)

    def world_mm(self, indices: ArrayLike) -> NDArray[np.float64]:
        """World positions (N, ndim) in mm of array indices (N, ndim), which may be fractional."""
        matrix, offset = self.affine()
        return np.asarray(indices, dtype=np.float64) @ matrix.T + offset

    def corners_mm(self) -> NDArray[np.float64]:
        """World positions (2^ndim, ndim) of the centres of the corner voxels."""
        return self.world_mm(list(itertools.product(*((0, size - 1) for size in self.shape))))

    def describe_geometry(self) -> str:
        """Shape, spacing, origin and direction in one line, z first."""
        direction = " / ".join(_numbers(row) for row in self.direction)
        return (
            f"shape {' x '.join(map(str, self.shape))}, spacing {_numbers(self.spacing_mm)} mm, "
            f"origin {_numbers(self.origin_mm)} mm, direction {direction}"
        )


def checked_spacing(spacing_mm: ArrayLike, ndim: int, name: str = "volume") -> Vector:
    """The spacing as a tuple of `ndim` floats; raises ValueError unless every one is finite and > 0."""
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if spacing.shape != (ndim,):
        raise ValueError(f"{name}: expected a spacing of {ndim} numbers in mm, got {tuple(spacing.ravel().tolist())}")
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise ValueError(
            f"{name}: spacing must be > 0 mm along every axis, got {_numbers(spacing)}; correct the file's header"
        )
    return tuple(spacing.tolist())


def check_same_geometry(
    a: Volume,
    b: Volume,
    name_a: str,
    name_b: str,
    remedy: str = "--resample-masks brings a mask onto its image in physical space",
) -> None:
    """Raise ValueError, showing both grids and the remedy, unless `a` and `b` have one shape and lie in one place.

    Places are compared by how far the corner voxels lie apart in mm, not number by number: a float32 header is no
    mismatch, and a small rotation of a wide volume is one. Allowed: 0.1 of the finest voxel side, 0.1 mm at most.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume, check_same_geometry
        >>> image, mask = Volume(np.zeros((4, 5)), (1.0, 1.0)), Volume(np.zeros((4, 5), bool), (1.0, 1.0))
        >>> check_same_geometry(image, mask, "image", "mask")  # says nothing where they agree
        >>> try:
        ...     check_same_geometry(image, Volume(np.zeros((4, 6)), (1.0, 1.0)), "image", "mask")
        ... except ValueError:
        ...     print("refused")
        ...
        refused
    """
    if a.shape != b.shape:
        difference = "their shapes differ"
    else:
        allowed = min(MISPLACEMENT_VOXELS * min(*a.spacing_mm, *b.spacing_mm), MISPLACEMENT_MM)
        apart = float(np.linalg.norm(a.corners_mm() - b.corners_mm(), axis=1).max())
        if apart <= allowed:
            return
        difference = f"corners lie up to {apart:.4g} mm apart, {allowed:.4g} mm allowed"
    raise ValueError(
        f"{name_b} does not lie on {name_a} ({difference}): {name_a} has {a.describe_geometry()}; "
        f"{name_b} has {b.describe_geometry()}; {remedy}"
    )


def _numbers(values: ArrayLike) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in np.asarray(values, dtype=np.float64)) + ")"

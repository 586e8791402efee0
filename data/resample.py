"""Bring a volume onto another volume's grid, by where things lie in the patient and not by array index."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import ndimage

from data.volume import Volume

_ORDER = {"nearest": 0, "linear": 1}


def resample_like(
    volume: Volume, reference: Volume, interpolation: Literal["nearest", "linear"], fill: float = 0.0
) -> Volume:
    """`volume` sampled at the voxel centres of `reference`; `fill` where those lie outside of it.

    Masks and label maps take "nearest" and keep their type; "linear" gives float32. Raises ValueError where one is 2D
    and the other 3D.
    """
    if volume.ndim != reference.ndim:
        raise ValueError(
            f"resampling: expected two volumes of the same number of dimensions, got {volume.ndim} and {reference.ndim}"
        )
    to_world, world_offset = reference.affine()
    from_world, own_offset = volume.affine()
    inverse = np.linalg.inv(from_world)
    array = volume.array
    as_bool = array.dtype == np.bool_
    if interpolation == "linear":
        array = array.astype(np.float32, copy=False)
    elif as_bool:
        array = array.view(np.uint8)
    # "grid-constant": a centre less than half a voxel outside still belongs to the outermost voxel, so that float
    # noise in two equal grids does not cut a layer off.
    sampled = ndimage.affine_transform(
        array,
        inverse @ to_world,
        offset=inverse @ (world_offset - own_offset),
        output_shape=reference.shape,
        order=_ORDER[interpolation],
        mode="grid-constant",
        cval=fill,
        prefilter=False,
    )
    sampled = sampled.astype(bool) if as_bool and interpolation == "nearest" else sampled
    return replace(reference, array=sampled, notes=volume.notes)


def resample_mask_like(mask: Volume, reference: Volume, name: str, reference_name: str) -> Volume:
    """A boolean mask on `reference`'s grid by nearest neighbour.

    Raises ValueError where a mask that has voxels keeps none: it lies elsewhere, and resampling cannot mend that.
    """
    resampled = resample_like(mask, reference, "nearest")
    if mask.array.any() and not resampled.array.any():
        raise ValueError(
            f"{name}: none of its voxels lies inside {reference_name}; {name} has {mask.describe_geometry()}; "
            f"{reference_name} has {reference.describe_geometry()}; correct the origin in its header"
        )
    return resampled

"""Bring a volume onto another volume's grid, by where things lie in the patient and not by array index."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import ndimage

from ramify.data.lattice import copy_onto, index_map, place_on_lattice, share_outside
from ramify.data.volume import Volume

_ORDER = {"nearest": 0, "linear": 1}
MOST_OUTSIDE = 0.5
"""A mask of which more than this lies outside of its image does not belong there."""


def resample_like(
    volume: Volume, reference: Volume, interpolation: Literal["nearest", "linear"], fill: float = 0.0
) -> Volume:
    """`volume` sampled at the voxel centres of `reference`; `fill` where those lie outside of it.

    Masks and label maps take "nearest" and keep their type; "linear" gives float32. Raises ValueError where one is 2D
    and the other 3D.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume, resample_like
        >>> coarse = Volume(np.array([[0.0, 2.0]]), spacing_mm=(1.0, 2.0))
        >>> fine = Volume(np.zeros((1, 3)), spacing_mm=(1.0, 1.0))
        >>> resample_like(coarse, fine, "linear").array.tolist()
        [[0.0, 1.0, 2.0]]
    """
    to_own, offset = index_map(reference, volume)
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
        to_own,
        offset=offset,
        output_shape=reference.shape,
        order=_ORDER[interpolation],
        mode="grid-constant",
        cval=fill,
        prefilter=False,
    )
    sampled = sampled.astype(bool) if as_bool and interpolation == "nearest" else sampled
    return replace(reference, array=sampled, notes=volume.notes)


def resample_mask_like(mask: Volume, reference: Volume, name: str, reference_name: str) -> Volume:
    """A boolean mask on `reference`'s grid: copied where its voxels are voxels of that grid, else nearest neighbour.

    What lies outside of `reference` is lost, and in the notes. Raises ValueError where that is more than half of the
    mask, or where nothing is left: it lies elsewhere, and resampling cannot mend that.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume, resample_mask_like
        >>> cut_out = Volume(np.ones((1, 2), bool), (1.0, 1.0), origin_mm=(0.0, 3.0))
        >>> scan = Volume(np.zeros((1, 6)), (1.0, 1.0))
        >>> resample_mask_like(cut_out, scan, "mask", "scan").array.astype(int).tolist()
        [[0, 0, 0, 1, 1, 0]]
    """
    outside = share_outside(mask, reference)
    place = place_on_lattice(mask, reference)
    if place is None:
        resampled = resample_like(mask, reference, "nearest")
    else:
        resampled = replace(reference, array=copy_onto(mask, reference, place), notes=mask.notes)
    if outside > MOST_OUTSIDE or (mask.array.any() and not resampled.array.any()):
        lies = f"only {1 - outside:.1%} of it lies" if resampled.array.any() else "none of its voxels lies"
        raise ValueError(
            f"{name}: {lies} inside {reference_name}; {name} has {mask.describe_geometry()}; "
            f"{reference_name} has {reference.describe_geometry()}; correct the origin in its header"
        )
    if outside:
        note = f"{outside:.1%} of {name} lies outside of {reference_name} and is left out"
        resampled = replace(resampled, notes=(*resampled.notes, note))
    return resampled

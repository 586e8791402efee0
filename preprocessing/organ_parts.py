"""The organ without its specks: what is cropped to, what vessels are restricted to, and what is scored."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.vessels.components import label_components


def main_parts(organ: Volume, least_share: float) -> Volume:
    """The components of an organ mask that are not small beside its largest one; what was left out is in its notes.

    Automatic masks have specks, and one stray voxel far away makes the organ's box the whole volume. An organ of two
    parts (kidneys, lungs, a liver after resection) keeps both.

    Args:
        organ: bool (*S).
        least_share: components (26-connected, 2D: 8-connected) with fewer voxels than this share of the largest are
            left out, 0..1; 0 keeps all.
    """
    if least_share == 0:
        return organ
    labels, count = label_components(organ.array)
    if count < 2:
        return organ
    sizes = _sizes(labels, count)
    kept = sizes >= least_share * sizes.max()
    if kept.all():
        return organ
    dropped = sizes[~kept]
    unit, per_voxel = ("ml", 1e-3) if organ.ndim == 3 else ("square mm", 1.0)
    per_voxel *= float(np.prod(organ.spacing_mm))
    parts = "1 component" if len(dropped) == 1 else f"{len(dropped):,} components"
    voxels = "1 voxel" if dropped.sum() == 1 else f"{dropped.sum():,} voxels"
    note = (
        f"{parts} of the organ mask ({voxels}, {dropped.sum() * per_voxel:.3g} {unit}, the largest "
        f"{dropped.max() * per_voxel:.3g} {unit}) left out as specks beside the {sizes[kept].sum() * per_voxel:.3g} "
        f"{unit} that were kept; preparation with --preprocessing.least-organ-part 0 keeps all"
    )
    return replace(organ, array=_chosen(labels, kept), notes=(*organ.notes, note))


# Slice by slice: NumPy counts and looks up in 64-bit copies, which of a whole CT would be most of the memory.


def _sizes(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Voxels of each component."""
    sizes = np.zeros(1 + count, dtype=np.int64)
    for part in labels:
        sizes += np.bincount(part.ravel(), minlength=1 + count)
    return sizes[1:]


def _chosen(labels: NDArray[np.int32], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask of the components that are kept."""
    with_background = np.concatenate([[False], kept])
    mask = np.empty(labels.shape, dtype=bool)
    for slab, part in zip(mask, labels):
        slab[...] = with_background[part]
    return mask

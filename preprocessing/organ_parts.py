"""The organ without its specks: what is cropped to, what vessels are restricted to, and what is scored."""

from dataclasses import replace

import numpy as np

from ramify.data.volume import Volume
from ramify.vessels.box import foreground_box
from ramify.vessels.components import chosen_components, component_sizes, label_components


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
    # Numbers of a whole CT's voxels are twice its size.
    box = foreground_box(organ.array)
    labels, count = label_components(organ.array[box])
    if count < 2:
        return organ
    sizes = component_sizes(labels, count)
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
    array = np.zeros(organ.shape, dtype=bool)
    array[box] = chosen_components(labels, kept)
    return replace(organ, array=array, notes=(*organ.notes, note))

"""Which parts of a mask another one lacks altogether: missed vessels rather than a wall that is a voxel off."""

import numpy as np
from numpy.typing import NDArray

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.vessels.distance import nearest_label


def uncovered_part(mask: MaskAnalysis, other: MaskAnalysis) -> NDArray[np.bool_]:
    """The part of a mask whose centreline the other mask does not hold.

    Each voxel goes with its nearest skeleton voxel, and that lies in the other mask or not. Of the truth, with the
    prediction as the other, it is what Tsens does not find (Shit et al. 2021, Eq. 1): whole branches, and pieces of
    them; of the prediction it is what Tprec does not. What a mask lacks of a vessel's wall alone is no part of it.

    Args:
        mask, other: analyses of masks of one shape.

    Returns:
        bool, within the box of `mask`.
    """
    skeleton = mask.skeleton_voxels
    seeds = np.zeros(mask.inside.shape, dtype=np.int8)
    seeds[tuple((skeleton - mask.corner).T)] = np.where(other.holds(skeleton), 1, 2)
    lacking: NDArray[np.bool_] = nearest_label(seeds, mask.inside, mask.spacing_mm) == 2
    if mask.skeleton_method == "guarded":
        return lacking
    # A thinning that loses components leaves them without a skeleton: they are lacking where no voxel is held.
    unseen = np.setdiff1d(np.unique(mask.components), mask.components[tuple((skeleton - mask.corner).T)])
    found = np.unique(mask.components[mask.inside & other.mask[mask.box]])
    all_lacking: NDArray[np.bool_] = lacking | np.isin(mask.components, np.setdiff1d(unseen, np.append(found, 0)))
    return all_lacking

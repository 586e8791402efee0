"""The scale decomposition as a script would have it: numpy, scipy and scikit-image on the whole volume.

The method is that of `decompose_scales` in `vessels/scales.py` with the estimator `paper`: Sadikine et
al. 2023, section 2.1. It is the yardstick for time and memory, not for results: thinning may lose components, nearest
voxels are sought across components, and junction voxels are not joined into clusters.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

NEIGHBOURHOOD = np.ones((3, 3, 3), dtype=bool)


def decompose_plainly(
    mask: NDArray[np.bool_], spacing_mm: Sequence[float], quantiles: Sequence[float] = (0.25, 0.75)
) -> NDArray[np.uint8]:
    """Scale of each voxel, uint8 (D, H, W), 0 in the background, of a bool mask (D, H, W) with at least one branch."""
    skeleton = skeletonize(mask, method="lee") > 0
    local_radii = local_radii_mm(mask, skeleton, spacing_mm)
    branches, radii = cut_branches(skeleton, local_radii)
    volumes = nearest_branches(mask, branches, spacing_mm)
    scale_of = 1 + np.searchsorted(np.quantile(radii, quantiles), radii)
    scales = np.zeros(mask.shape, dtype=np.uint8)
    for scale in np.unique(scale_of):
        scales[np.isin(volumes, 1 + np.flatnonzero(scale_of == scale))] = scale
    return scales


def local_radii_mm(
    mask: NDArray[np.bool_], skeleton: NDArray[np.bool_], spacing_mm: Sequence[float]
) -> NDArray[np.float64]:
    """Eq. 1 with m = 8, at the skeleton's voxels of a volume of zeros."""
    surface = mask & ~ndimage.binary_erosion(mask, border_value=1)
    tree = cKDTree(np.argwhere(surface) * spacing_mm)
    local_radii = np.zeros(mask.shape)
    local_radii[skeleton] = tree.query(np.argwhere(skeleton) * spacing_mm, k=8)[0].max(axis=1)
    return local_radii


def cut_branches(
    skeleton: NDArray[np.bool_], local_radii: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Branch label map of the skeleton and Eq. 2; each junction voxel goes to the thickest branch that touches it."""
    neighbours = ndimage.convolve(skeleton.astype(np.uint8), NEIGHBOURHOOD.astype(np.uint8), mode="constant")
    junctions = skeleton & (neighbours > 3)
    branches, n_branches = ndimage.label(skeleton & ~junctions, NEIGHBOURHOOD)
    places = ndimage.find_objects(branches)
    radii = np.empty(n_branches)
    for branch in range(1, n_branches + 1):
        place = places[branch - 1]
        radii[branch - 1] = np.median(local_radii[place][branches[place] == branch])
    given = branches.copy()
    for voxel in np.argwhere(junctions):
        around = branches[tuple(slice(max(index - 1, 0), index + 2) for index in voxel)]
        touching = around[around > 0]
        if touching.size:
            given[tuple(voxel)] = touching[np.argmax(radii[touching - 1])]
    return given, radii


def nearest_branches(
    mask: NDArray[np.bool_], branches: NDArray[np.int32], spacing_mm: Sequence[float]
) -> NDArray[np.int32]:
    """Eq. 3: the branch of the nearest skeleton voxel, by the distance transform of the whole volume."""
    nearest = ndimage.distance_transform_edt(
        branches == 0, sampling=spacing_mm, return_distances=False, return_indices=True
    )
    return np.where(mask, branches[tuple(nearest)], 0)

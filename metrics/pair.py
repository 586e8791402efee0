"""A prediction and its target, laid down in one way however they are stored, and cut to the region that counts."""

from collections.abc import Sequence

import numpy as np

from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask, check_mask, check_pair, check_spacing
from ramify.metrics.region_analysis import RegionAnalysis
from ramify.metrics.settings import SkeletonMethod
from ramify.vessels.orientation import Orientation, own_orientations
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings


def analyse_target(
    target: Mask,
    spacing_mm: Sequence[float],
    skeleton: SkeletonMethod = "guarded",
    scales: ScaleSettings = DEFAULT_SCALES,
    region: Mask | None = None,
) -> MaskAnalysis:
    """The analysis of a target that any number of predictions may be held against; nothing is computed yet.

    The target is laid down in its own orientation, so that no value hangs on the order in which the files store the
    patient's axes; only with scikit-image's skeletons it stays as it lies. It is analysed whole: of the skeleton,
    the graph and the scales of all that was drawn, the region says which part counts.

    Args:
        target: bool (*S), 2D or 3D.
        spacing_mm: voxel size along each array axis (z, y, x), millimetres, > 0.
        skeleton: whose thinning.
        scales: how it is decomposed into scales.
        region: bool (*S), the part of the volume that counts, as an organ's mask. Must not be empty.

    Raises:
        ValueError: masks that are not boolean or of different shapes, a bad spacing, or an empty region.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import analyse_target
        >>> tube, organ = np.zeros((2, 20, 9, 9), bool)
        >>> tube[2:18, 3:6, 3:6] = True
        >>> organ[:10] = True
        >>> target = analyse_target(tube, (1.0, 1.0, 1.0), region=organ)
        >>> target.n_voxels, len(target.centreline.endpoints_mm)  # cut in the middle, where it does not end
        (72, 1)
    """
    check_mask(target, "target")
    spacing = check_spacing(spacing_mm, target.ndim)
    if region is not None:
        check_pair(region, target)
        if not region.any():
            raise ValueError("region: expected at least one voxel, got an empty mask; leave it out")
    poses: tuple[Orientation, ...] = (Orientation.as_stored(target.ndim),)
    if skeleton == "guarded":
        poses = own_orientations(target, spacing)
        if region is not None and len(poses) > 1:
            poses = own_orientations(region, spacing, poses)
    pose = poses[0]
    laid = MaskAnalysis(
        pose.lay(target),
        pose.lay_sizes(spacing),
        skeleton,
        scales,
        None if region is None else pose.lay(region),
        poses,
        "target",
    )
    return laid if region is None else _cut(laid, pose.lay(region))


def analyse_prediction(prediction: Mask, target: MaskAnalysis) -> MaskAnalysis:
    """The analysis of a prediction beside that of its target, laid down and cut as the target is.

    Nothing is judged outside the region: there the prediction is taken to be as the target, whether it was cut to the
    organ or not. So a vessel that crosses the border is one vessel in both masks, and what the target's cut leaves
    of a thick vessel beside the organ is a part of that vessel's wall.

    Args:
        prediction: bool (*S), stored as the target was.
        target: what `analyse_target` gave.

    Raises:
        ValueError: a mask that is not boolean, or of another shape than the target.

    Examples:
        >>> import numpy as np
        >>> from ramify.metrics import analyse_prediction, analyse_target
        >>> tube, organ = np.zeros((2, 20, 9, 9), bool)
        >>> tube[2:18, 3:6, 3:6] = True
        >>> organ[:10] = True
        >>> prediction = analyse_prediction(tube & organ, analyse_target(tube, (1.0, 1.0, 1.0), region=organ))
        >>> prediction.n_voxels, len(prediction.centreline.endpoints_mm)
        (72, 1)
    """
    pose = target.poses[0]
    check_pair(prediction, pose.restore(target.mask))
    poses = target.poses
    if len(poses) > 1:
        poses = own_orientations(prediction, pose.restore_sizes(target.spacing_mm), poses)
    laid = poses[0].lay(prediction)
    region = target.region if isinstance(target, RegionAnalysis) else None
    if region is not None:
        # As the target outside the region: the target has voxels in its own box alone.
        box, laid = target.whole.box, laid & region
        laid[box] |= target.whole.mask[box] & ~region[box]
    analysis = MaskAnalysis(
        laid, target.spacing_mm, target.skeleton_method, target.scale_settings, region, poses, "prediction"
    )
    return analysis if region is None else _cut(analysis, region)


def _cut(whole: MaskAnalysis, region: Mask) -> RegionAnalysis:
    """The part of a mask in a region."""
    mask = np.zeros(whole.shape, dtype=bool)
    mask[whole.box] = whole.mask[whole.box] & region[whole.box]
    return RegionAnalysis(
        mask,
        whole.spacing_mm,
        whole.skeleton_method,
        whole.scale_settings,
        poses=whole.poses,
        name=whole.name,
        drawn=whole,
        region=region,
    )

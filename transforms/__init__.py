"""Scale maps and tubed skeletons as transforms of MONAI, batchgeneratorsv2 and TorchIO."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.transforms.for_batchgenerators import ScaleMapTransform, TubedSkeletonTransform
    from ramify.transforms.for_monai import ScaleMapd, TubedSkeletond
    from ramify.transforms.for_torchio import AddScaleMap, AddTubedSkeleton
    from ramify.transforms.vessel_maps import scale_map_of, tubed_skeleton_of
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "AddScaleMap",
    "AddTubedSkeleton",
    "ScaleMapTransform",
    "ScaleMapd",
    "TubedSkeletonTransform",
    "TubedSkeletond",
    "scale_map_of",
    "tubed_skeleton_of",
]

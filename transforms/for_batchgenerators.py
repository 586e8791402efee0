"""Scale maps and tubed skeletons as transforms of batchgeneratorsv2, as nnU-Net uses them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from ramify.transforms.vessel_maps import ByteMap, scale_map_of, tubed_skeleton_of
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings


class _MapTransform:
    """Adds a map of a channel of data_dict["segmentation"] (C, *S) to it, as its last one.

    There, since batchgeneratorsv2 moves the segmentation with the image, channel by channel, and nothing under another
    name. What keeps the first channel alone, such as nnU-Net's conversion to regions, drops the map.
    """

    def __init__(self, make: Callable[[Any], ByteMap], channel: int) -> None:
        self.channel = channel
        self._make = make

    def __call__(self, **data_dict: Any) -> dict[str, Any]:
        """The data with the map; without a segmentation unchanged."""
        segmentation = data_dict.get("segmentation")
        if segmentation is None:
            return data_dict
        if not -len(segmentation) <= self.channel < len(segmentation):
            raise ValueError(
                f"{type(self).__name__}: the segmentation has {len(segmentation)} channels, and none is number "
                f"{self.channel}"
            )
        made = torch.from_numpy(self._make(segmentation[self.channel]))[None]
        return {**data_dict, "segmentation": torch.cat((segmentation, made.to(segmentation.device)))}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(channel={self.channel})"


class ScaleMapTransform(_MapTransform):
    """Adds `scale_map_of` a channel of the segmentation to it, as its last channel: (C + 1, *S).

    Args:
        spacing_mm: voxel size along each array axis, mm, as the plan's configuration has it.
        scales: quantiles and estimator.
        labels: which values are vessels; none: all above 0.
        channel: of the segmentation, what the map is made of.

    Examples:
        >>> import torch
        >>> from ramify.transforms import ScaleMapTransform
        >>> from ramify.vessels import ScaleSettings
        >>> segmentation = torch.zeros(1, 20, 20, 40, dtype=torch.int16)
        >>> segmentation[:, 2:5, 2:5] = segmentation[:, 9:18, 9:18] = 1
        >>> transform = ScaleMapTransform((1.0, 1.0, 1.0), ScaleSettings(quantiles=(0.5,)))
        >>> transform(image=None, segmentation=segmentation)["segmentation"][1, 13, 13, 20].item()
        2
    """

    def __init__(
        self,
        spacing_mm: Sequence[float],
        scales: ScaleSettings = DEFAULT_SCALES,
        labels: Sequence[int] = (),
        *,
        channel: int = 0,
    ) -> None:
        make = partial(scale_map_of, spacing_mm=tuple(spacing_mm), scales=scales, labels=labels)
        super().__init__(make, channel)


class TubedSkeletonTransform(_MapTransform):
    """Adds `tubed_skeleton_of` a channel of the segmentation to it, as its last channel: (C + 1, *S).

    Args:
        radius: of the tube, voxels.
        spacing_mm, labels, channel: as for `ScaleMapTransform`; the voxel size may be left out.

    Examples:
        >>> import torch
        >>> from ramify.transforms import TubedSkeletonTransform
        >>> found = TubedSkeletonTransform(radius=1)(segmentation=torch.ones(1, 9, 31, dtype=torch.int16))
        >>> found["segmentation"][1, :, 15].sum().item()
        3
    """

    def __init__(
        self,
        radius: int = 2,
        labels: Sequence[int] = (),
        *,
        spacing_mm: Sequence[float] | None = None,
        channel: int = 0,
    ) -> None:
        make = partial(tubed_skeleton_of, spacing_mm=spacing_mm, radius=radius, labels=labels)
        super().__init__(make, channel)

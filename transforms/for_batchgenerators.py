"""Scale maps and tubed skeletons as transforms of batchgeneratorsv2, as nnU-Net uses them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from ramify.transforms.vessel_maps import ByteMap, scale_map_of, tubed_skeleton_of
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings


class _MapTransform:
    """Adds a map, uint8 (1, *S), made of a channel of the segmentation (C, *S); called as `ComposeTransforms` calls."""

    def __init__(self, make: Callable[[Any], ByteMap], name: str, channel: int) -> None:
        self.name, self.channel = name, channel
        self._make = make

    def __call__(self, **data_dict: Any) -> dict[str, Any]:
        """The data with the map under its name; without a segmentation unchanged."""
        segmentation = data_dict.get("segmentation")
        if segmentation is None:
            return data_dict
        made = torch.from_numpy(self._make(segmentation[self.channel]))[None]
        return {**data_dict, self.name: made.to(segmentation.device)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, channel={self.channel})"


class ScaleMapTransform(_MapTransform):
    """Adds data_dict["scales"], uint8 (1, *S): `scale_map_of` a channel of the segmentation.

    Args:
        spacing_mm: voxel size along each array axis, mm, as the plan's configuration has it.
        scales: quantiles and estimator.
        labels: which values are vessels; none: all above 0.
        name: key of the map.
        channel: of the segmentation.

    Examples:
        >>> import torch
        >>> from ramify.transforms import ScaleMapTransform
        >>> from ramify.vessels import ScaleSettings
        >>> segmentation = torch.zeros(1, 20, 20, 40, dtype=torch.int16)
        >>> segmentation[:, 2:5, 2:5] = segmentation[:, 9:18, 9:18] = 1
        >>> transform = ScaleMapTransform((1.0, 1.0, 1.0), ScaleSettings(quantiles=(0.5,)))
        >>> transform(image=None, segmentation=segmentation)["scales"][0, 13, 13, 20].item()
        2
    """

    def __init__(
        self,
        spacing_mm: Sequence[float],
        scales: ScaleSettings = DEFAULT_SCALES,
        labels: Sequence[int] = (),
        *,
        name: str = "scales",
        channel: int = 0,
    ) -> None:
        make = partial(scale_map_of, spacing_mm=tuple(spacing_mm), scales=scales, labels=labels)
        super().__init__(make, name, channel)


class TubedSkeletonTransform(_MapTransform):
    """Adds data_dict["tube"], uint8 (1, *S): `tubed_skeleton_of` a channel of the segmentation.

    Args:
        radius: of the tube, voxels.
        spacing_mm, labels, name, channel: as for `ScaleMapTransform`; the voxel size may be left out.

    Examples:
        >>> import torch
        >>> from ramify.transforms import TubedSkeletonTransform
        >>> found = TubedSkeletonTransform(radius=1)(segmentation=torch.ones(1, 9, 31, dtype=torch.int16))
        >>> found["tube"][0, :, 15].sum().item()
        3
    """

    def __init__(
        self,
        radius: int = 2,
        labels: Sequence[int] = (),
        *,
        spacing_mm: Sequence[float] | None = None,
        name: str = "tube",
        channel: int = 0,
    ) -> None:
        make = partial(tubed_skeleton_of, spacing_mm=spacing_mm, radius=radius, labels=labels)
        super().__init__(make, name, channel)

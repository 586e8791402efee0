"""Scale maps and tubed skeletons as transforms of TorchIO's subjects."""

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any

import torch

from ramify.transforms.vessel_maps import ByteMap, only_channel, scale_map_of, tubed_skeleton_of
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings


class _AddMap:
    """Adds a LabelMap made of another one of the subject, on the same grid; called as `torchio.Compose` calls.

    It loads no TorchIO. `torchio.OneOf` takes transforms of TorchIO's own alone, and this one is no matter of chance.
    """

    def __init__(self, source: str, make: Callable[[Any, Sequence[float]], ByteMap], name: str) -> None:
        self.source, self.name = source, name
        self._make = make

    def __call__(self, subject: Any) -> Any:
        """A copy of the subject with the map, which every later transform treats as the label it was made of."""
        name = type(self).__name__
        if not hasattr(subject, "add_image"):
            raise ValueError(f"{name}: expected a subject, got {type(subject).__name__}; make one of it first")
        if self.source not in subject:
            raise ValueError(f"{name}: the subject has no {self.source!r}; it has {', '.join(subject)}")
        subject = copy(subject)
        label = subject[self.source]
        volume = only_channel(label.data, f"{name}, {self.source}")
        # TorchIO's images of two dimensions have a third one of a single voxel.
        flat = volume.shape[-1] == 1
        made = self._make(volume[..., 0] if flat else volume, label.spacing[:2] if flat else label.spacing)
        made = made[..., None] if flat else made
        subject.add_image(type(label)(tensor=torch.from_numpy(made)[None], affine=label.affine), self.name)
        return subject

    def __repr__(self) -> str:
        return f"{type(self).__name__}(source={self.source!r}, name={self.name!r})"


class AddScaleMap(_AddMap):
    """Adds the LabelMap `scales` to a subject: `scale_map_of` one of its label maps.

    Args:
        source: name of the label map.
        scales: quantiles and estimator.
        labels: which values are vessels; none: all above 0.
        name: of the map.

    Examples:
        >>> from ramify.transforms import AddScaleMap
        >>> AddScaleMap("vessels")  # torchio.Compose([AddScaleMap("vessels"), torchio.RandomAffine()])
        AddScaleMap(source='vessels', name='scales')
    """

    def __init__(
        self,
        source: str,
        scales: ScaleSettings = DEFAULT_SCALES,
        labels: Sequence[int] = (),
        *,
        name: str = "scales",
    ) -> None:
        super().__init__(source, partial(scale_map_of, scales=scales, labels=labels), name)


class AddTubedSkeleton(_AddMap):
    """Adds the LabelMap `tube` to a subject: `tubed_skeleton_of` one of its label maps.

    Args:
        radius: of the tube, voxels.
        source, labels, name: as for `AddScaleMap`.

    Examples:
        >>> from ramify.transforms import AddTubedSkeleton
        >>> AddTubedSkeleton("vessels", radius=1)
        AddTubedSkeleton(source='vessels', name='tube')
    """

    def __init__(self, source: str, radius: int = 2, labels: Sequence[int] = (), *, name: str = "tube") -> None:
        super().__init__(source, partial(tubed_skeleton_of, radius=radius, labels=labels), name)

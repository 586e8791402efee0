"""Scale maps and tubed skeletons as MONAI's dictionary transforms."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from monai.transforms import MapTransform

from ramify.transforms.vessel_maps import ByteMap, only_channel, scale_map_of, tubed_skeleton_of
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings


class _MapOfLabeld(MapTransform):  # type: ignore[misc]
    """Adds a map (1, *S) beside each label (1, *S), of its kind: a MetaTensor knows where it lies.

    One of MONAI's own, as its caches keep what was made up to the first transform that is not.
    """

    postfix: str
    needs_spacing = True

    def __init__(
        self,
        keys: Hashable | Sequence[Hashable],
        make: Callable[[Any, Any], ByteMap],
        spacing_mm: Sequence[float] | None,
        allow_missing_keys: bool,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self._make = make
        self._spacing_mm = None if spacing_mm is None else tuple(spacing_mm)

    def __call__(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """The data with `KEY_postfix` for each key."""
        found = dict(data)
        for key in self.key_iterator(found):
            found[f"{key}_{self.postfix}"] = self._beside(data[key], f"{type(self).__name__}, {key}")
        return found

    def _beside(self, label: Any, name: str) -> Any:
        volume = only_channel(label, name)
        spacing = self._spacing_mm if self._spacing_mm is not None else getattr(label, "pixdim", None)
        if spacing is None and self.needs_spacing:
            raise ValueError(f"{name}: does not know its voxel size; give spacing_mm, in the order of its axes")
        sides = None if spacing is None else [float(side) for side in spacing][: volume.ndim]
        made = self._make(volume, sides)[None]
        if not isinstance(label, torch.Tensor):
            return made
        if not hasattr(label, "affine"):
            return torch.from_numpy(made).to(label.device)
        from monai.utils import convert_to_dst_type

        return convert_to_dst_type(made, label, dtype=torch.uint8)[0]


class ScaleMapd(_MapOfLabeld):
    """Adds KEY_scales to the data, uint8 (1, *S): `scale_map_of` each label KEY.

    Args:
        keys: of label maps (1, *S).
        scales: quantiles and estimator.
        labels: which values are vessels; none: all above 0.
        spacing_mm: voxel size along each array axis, mm; None: the label's own, which a MetaTensor knows.
        allow_missing_keys: whether data without a key is left as it is.

    Examples:
        >>> import numpy as np
        >>> from ramify.transforms import ScaleMapd
        >>> from ramify.vessels import ScaleSettings
        >>> label = np.zeros((1, 20, 20, 40), int)
        >>> label[:, 2:5, 2:5] = label[:, 9:18, 9:18] = 1
        >>> transform = ScaleMapd("label", ScaleSettings(quantiles=(0.5,)), spacing_mm=(1.0, 1.0, 1.0))
        >>> transform({"label": label})["label_scales"][0, 13, 13, 20].item()
        2
    """

    postfix = "scales"

    def __init__(
        self,
        keys: Hashable | Sequence[Hashable],
        scales: ScaleSettings = DEFAULT_SCALES,
        labels: Sequence[int] = (),
        *,
        spacing_mm: Sequence[float] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, partial(scale_map_of, scales=scales, labels=labels), spacing_mm, allow_missing_keys)


class TubedSkeletond(_MapOfLabeld):
    """Adds KEY_tube to the data, uint8 (1, *S): `tubed_skeleton_of` each label KEY.

    Args:
        radius: of the tube, voxels.
        keys, labels, spacing_mm, allow_missing_keys: as for `ScaleMapd`; where nobody knows the voxel size, voxels
            are cubes.

    Examples:
        >>> import numpy as np
        >>> from ramify.transforms import TubedSkeletond
        >>> transform = TubedSkeletond("label", radius=1)
        >>> transform({"label": np.ones((1, 9, 31), int)})["label_tube"].sum(axis=1)[0, 15].item()
        3
    """

    postfix = "tube"
    needs_spacing = False

    def __init__(
        self,
        keys: Hashable | Sequence[Hashable],
        radius: int = 2,
        labels: Sequence[int] = (),
        *,
        spacing_mm: Sequence[float] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, partial(tubed_skeleton_of, radius=radius, labels=labels), spacing_mm, allow_missing_keys)

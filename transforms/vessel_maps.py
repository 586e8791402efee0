"""Maps made of the vessels of a label map: what the transforms of every library do."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.vessels.plain_arrays import as_array
from ramify.vessels.scale_settings import DEFAULT_SCALES, ScaleSettings
from ramify.vessels.scales import decompose_scales
from ramify.vessels.tube import tubed_skeleton_of_classes

ByteMap = NDArray[np.uint8]


def scale_map_of(
    label: Any, spacing_mm: Sequence[float], scales: ScaleSettings = DEFAULT_SCALES, labels: Sequence[int] = ()
) -> ByteMap:
    """The scale of each vessel voxel of a label map, by the quantiles of its own branches (Sadikine et al. 2023).

    Before anything cuts or moves the label: a patch has other branches, and so other scales, than its case.

    Args:
        label: (*S), an array or tensor of whole numbers or booleans, 2D or 3D.
        spacing_mm: voxel size along each array axis, mm.
        scales: quantiles and estimator.
        labels: which of its values are vessels; none: all above 0.

    Returns:
        uint8 (*S), 0 background, 1 (smallest vessels) .. S; all 0 where there is no vessel.

    Raises ValueError for a label of another form, labels that are no sequence, or a bad spacing.

    Examples:
        >>> import numpy as np
        >>> from ramify.transforms import scale_map_of
        >>> from ramify.vessels import ScaleSettings
        >>> label = np.zeros((20, 20, 40), int)
        >>> label[2:5, 2:5] = label[9:18, 9:18] = 7  # a thin vessel and a thick one
        >>> scale_map_of(label, (1.0, 1.0, 1.0), ScaleSettings(quantiles=(0.5,)))[[0, 3, 13], [0, 3, 13], 20].tolist()
        [0, 1, 2]
    """
    mask = vessels_of(label, labels)
    return decompose_scales(mask, spacing_mm, scales).scale_map if mask.any() else mask.astype(np.uint8)


def tubed_skeleton_of(
    label: Any, spacing_mm: Sequence[float] | None = None, *, radius: int = 2, labels: Sequence[int] = ()
) -> ByteMap:
    """The tubed skeleton of the vessels of a label map (Kirchhoff et al. 2024, Alg. 1), which Skeleton Recall asks for.

    Args:
        label, labels: as for `scale_map_of`; each value is thinned by itself.
        spacing_mm, radius: as for `ramify.vessels.tubed_skeleton`.

    Returns:
        uint8 (*S), 0 and 1; for a class of several, multiply by where it is.

    Raises ValueError for a label of another form, labels that are no sequence, or a bad radius.

    Examples:
        >>> import numpy as np
        >>> from ramify.transforms import tubed_skeleton_of
        >>> np.flatnonzero(tubed_skeleton_of(np.ones((9, 31), int), radius=2)[:, 15]).tolist()
        [2, 3, 4, 5, 6]
    """
    numbers = numbers_of(label)
    classes = [(number,) for number in np.unique(numbers[vessels_of(numbers, labels)]).tolist()]
    return tubed_skeleton_of_classes(numbers, classes, radius, spacing_mm).astype(np.uint8)


def vessels_of(label: Any, labels: Sequence[int]) -> NDArray[np.bool_]:
    """Where a label map (*S) has a vessel; what is below 0 is none, as nnU-Net marks what it has not seen."""
    if np.ndim(labels) != 1:
        raise ValueError(f"labels: expected the values of vessels, such as (1, 2), got {labels!r}")
    array = numbers_of(label)
    return np.isin(array, labels) if len(labels) else np.asarray(array > 0)


def numbers_of(label: Any) -> NDArray[Any]:
    """A label map (*S) as an array; ValueError where it is none."""
    array = as_array(label)
    if array.ndim not in (2, 3):
        raise ValueError(f"label: expected one volume (*S) of 2 or 3 dimensions, got shape {array.shape}")
    if (wrong := array != np.round(array)).any():
        raise ValueError(f"label: expected whole numbers, got {array[wrong].flat[0]:g}; threshold probabilities first")
    return array


def only_channel(label: Any, name: str) -> Any:
    """The volume (*S) of a label (1, *S); ValueError for more channels."""
    if len(label) != 1:
        raise ValueError(f"{name}: expected a label map (1, *S), got shape {tuple(label.shape)}; take one channel")
    return label[0]

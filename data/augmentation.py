"""Augmentation of a training sample: what is drawn, in millimetres and replayable from a seed, and how it is applied.

Rotation, flips, translation and gamma are those of Sadikine et al. 2023, section 3.2; the others are nnU-Net's (Isensee
et al. 2021), off unless asked for. All spatial ones are composed into one affine map, and what bends before it, so that
everything is sampled once: the image linearly, label map, tubed skeleton and class map by their nearest voxel.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ramify.data.affine_sampling import sample_affine
from ramify.data.augmentations.blur import blur
from ramify.data.augmentations.brightness import brightness
from ramify.data.augmentations.contrast import contrast
from ramify.data.augmentations.drawn import Augmentation, Draw, DrawnOnTop
from ramify.data.augmentations.elastic import elastic
from ramify.data.augmentations.elastic_field import UNBENT
from ramify.data.augmentations.flips import flips
from ramify.data.augmentations.gamma import gamma
from ramify.data.augmentations.inverted_gamma import inverted_gamma
from ramify.data.augmentations.low_resolution import low_resolution
from ramify.data.augmentations.noise import noise
from ramify.data.augmentations.rotation import rotation
from ramify.data.augmentations.scaling import scaling
from ramify.data.augmentations.settings import AugmentationSettings
from ramify.data.augmentations.translation import translation
from ramify.data.random_streams import Branches

Array = NDArray[Any]
AUGMENTATIONS: tuple[DrawnOnTop, ...] = (
    rotation,
    flips,
    translation,
    scaling,
    elastic,
    noise,
    blur,
    brightness,
    contrast,
    low_resolution,
    inverted_gamma,
    gamma,
)
"""All of them, in the order in which they are drawn, and those of intensities done: nnU-Net's. Another order would give
other samples for the same seed."""


def draw_augmentation(
    settings: AugmentationSettings,
    ndim: int,
    random: np.random.Generator,
    seen_mm: Array | None = None,
    channels: int = 1,
) -> Augmentation:
    """Draw one change; the same generator state gives the same change.

    Args:
        settings: what may be drawn, and how far.
        ndim: 2 or 3.
        random: to draw from, made by `numpy.random.default_rng`.
        seen_mm: how much of the volume the sample sees along each axis, (ndim,); shifts are at most `MOST_SHIFT` of it.
        channels: of the image.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import AugmentationSettings, draw_augmentation
        >>> drawn = draw_augmentation(AugmentationSettings(), ndim=2, random=np.random.default_rng(0))
        >>> drawn.matrix_mm.shape, drawn.translation_mm.shape
        ((2, 2), (2,))
    """
    moved = random.random() < settings.probability
    draw = Draw(settings, random, moved, seen_mm, Branches(random), channels)
    drawn = Augmentation.identity(ndim)
    for augmentation in AUGMENTATIONS:
        drawn = augmentation(drawn, draw)
    return drawn


class Window(NamedTuple):
    """What a sample sees: image float32 (C, *s); label map, tubed skeleton and class map (*s), None where none was
    given."""

    image: Array
    labels: Array
    tube: Array
    class_map: Array | None = None


def apply_augmentation(
    augmentation: Augmentation,
    image: Array,
    labels: Array,
    tube: Array,
    spacing_mm: tuple[float, ...],
    *,
    output_shape: tuple[int, ...],
    centre: tuple[float, ...],
    lowest: Sequence[float] | None = None,
    class_map: Array | None = None,
    outside_class: int = 0,
    swapped: Array | None = None,
) -> Window:
    """Sample a window of image, label map, tubed skeleton and class map under an augmentation.

    Args:
        augmentation: the change.
        image: intensities, (C, *S).
        labels: label map, (*S), integers.
        tube: tubed skeleton, (*S), integers or bool; it moves with the labels.
        spacing_mm: voxel size, z, y, x.
        output_shape: voxels of the window; it may reach outside the volume.
        centre: voxel coordinates in the volume that land in the window's centre when nothing is shifted.
        lowest: minimum of each channel, (C,); None reads the whole image for them.
        class_map: uint8 (*S), or None; it moves with the labels.
        outside_class: what it holds outside the volume.
        swapped: what each of its numbers becomes where left and right are mirrored, uint8 (256,); None: they stay.

    Returns:
        The window, of `output_shape`. Outside the volume each channel of the image holds its minimum, label map and
        tube hold 0.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Augmentation, apply_augmentation
        >>> flip = Augmentation(np.diag([1.0, -1.0]), np.zeros(2))
        >>> image, labels = np.array([[[1.0, 2.0, 3.0]]]), np.array([[0, 0, 1]])
        >>> window = {"output_shape": (1, 3), "centre": (0.0, 1.0)}
        >>> moved = apply_augmentation(flip, image, labels, labels > 0, (1.0, 1.0), **window)
        >>> moved[0].tolist(), moved[1].tolist()
        ([[[3.0, 2.0, 1.0]]], [[1, 0, 0]])
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    # The window's voxel o shows the volume's voxel c + A (o - o_c): the inverse of the map that moves the anatomy.
    inverse_mm = np.linalg.inv(augmentation.matrix_mm)
    matrix = inverse_mm * spacing[None, :] / spacing[:, None]
    window_centre = (np.asarray(output_shape) - 1) / 2
    shift = (inverse_mm @ augmentation.translation_mm) / spacing
    offset = np.asarray(centre, dtype=np.float64) - matrix @ window_centre - shift
    fill = [float(channel.min()) for channel in image] if lowest is None else lowest
    bent = augmentation.elastic.lattice(output_shape, spacing_mm) if augmentation.elastic else UNBENT
    beside: dict[str, Any] = {"classes": class_map, "outside_class": outside_class, "bent": bent}
    sampled, moved, moved_tube, classes = sample_affine(
        image, labels, tube, matrix, offset, output_shape, fill=fill, **beside
    )
    for change, only in augmentation.grey_changes:
        for channel in sampled if only is None else (sampled[only],):
            change(channel, spacing_mm)
    if classes is not None and swapped is not None and augmentation.swaps_sides:
        classes = swapped[classes]
    return Window(sampled, moved, moved_tube, classes)

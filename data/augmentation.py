"""Random rotation, translation, flips and gamma of a training sample, in millimetres and replayable from a seed.

The augmentations are those of Sadikine et al. 2023, section 3.2. All spatial ones are composed into one affine map, so
that everything is sampled once: the image linearly, label map and tubed skeleton by their nearest voxel.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from pydantic import BaseModel, Field, field_validator

from ramify.data.affine_sampling import reaches_outside, sample_affine

Array = np.ndarray

MOST_SHIFT = 0.25
"""Largest shift as a share of what a sample sees along an axis."""


class AugmentationSettings(BaseModel, frozen=True, extra="forbid"):
    """How far training samples are moved and changed; zeros switch a change off."""

    probability: float = Field(0.5, ge=0, le=1)
    """Share of samples that are rotated and translated. Both interpolate, and so blur noise and thin vessels; the other
    samples are as sharp as what the network will see at prediction."""
    rotation_degrees: float = Field(15.0, ge=0, le=180)
    """Largest rotation about each axis, degrees; drawn uniformly."""
    translation_mm: float = Field(10.0, ge=0)
    """Largest shift along each axis, millimetres; drawn uniformly. Never more than a quarter of what a sample sees of
    the volume, so that a small patch stays on what it was centred on."""
    flip_probability: float = Field(0.5, ge=0, le=1)
    """Probability of mirroring each axis."""
    gamma: tuple[float, float] = (0.8, 1.25)
    """Range of the exponent of gamma correction, drawn log-uniformly; 1 1 switches it off."""

    @field_validator("gamma")
    @classmethod
    def _ordered_and_positive(cls, gamma: tuple[float, float]) -> tuple[float, float]:
        if not 0 < gamma[0] <= gamma[1]:
            raise ValueError("expected two positive exponents, the smaller first")
        return gamma


@dataclass(frozen=True, eq=False)
class Augmentation:
    """One drawn change of a sample.

    Attributes:
        matrix_mm: rotation and flips, (ndim, ndim), acting on millimetres in z, y, x order.
        translation_mm: shift, (ndim,).
        gamma: exponent applied to the intensities, rescaled to [0, 1] for it.
    """

    matrix_mm: Array
    translation_mm: Array
    gamma: float

    @staticmethod
    def identity(ndim: int) -> "Augmentation":
        """The change that changes nothing."""
        return Augmentation(np.eye(ndim), np.zeros(ndim), 1.0)

    def in_place(self) -> "Augmentation":
        """The same change without its shift."""
        return replace(self, translation_mm=np.zeros_like(self.translation_mm))


def draw_augmentation(
    settings: AugmentationSettings,
    ndim: int,
    random: np.random.Generator,
    seen_mm: Array | None = None,
) -> Augmentation:
    """Draw one change; the same generator state gives the same change.

    Args:
        seen_mm: how much of the volume the sample sees along each axis, (ndim,); shifts are at most `MOST_SHIFT` of it.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import AugmentationSettings, draw_augmentation
        >>> drawn = draw_augmentation(AugmentationSettings(), ndim=2, random=np.random.default_rng(0))
        >>> drawn.matrix_mm.shape, drawn.translation_mm.shape
        ((2, 2), (2,))
    """
    moved = random.random() < settings.probability
    limit = np.deg2rad(settings.rotation_degrees) if moved else 0.0
    reach_mm = np.full(ndim, settings.translation_mm if moved else 0.0)
    if seen_mm is not None:
        reach_mm = np.minimum(reach_mm, MOST_SHIFT * seen_mm)
    matrix = np.eye(ndim)
    # One angle in the plane of every pair of axes: three in 3D, one in 2D.
    for first in range(ndim):
        for second in range(first + 1, ndim):
            matrix = _plane_rotation(ndim, first, second, random.uniform(-limit, limit)) @ matrix
    flips = np.where(random.random(ndim) < settings.flip_probability, -1.0, 1.0)
    translation = random.uniform(-reach_mm, reach_mm, ndim)
    low, high = np.log(settings.gamma)
    return Augmentation(matrix * flips, translation, float(np.exp(random.uniform(low, high))))


def apply_augmentation(
    augmentation: Augmentation,
    image: Array,
    labels: Array,
    tube: Array,
    spacing_mm: tuple[float, ...],
    *,
    output_shape: tuple[int, ...],
    centre: tuple[float, ...],
    outside: Callable[[], float] | None = None,
) -> tuple[Array, Array, Array]:
    """Sample a window of image, label map and tubed skeleton under an augmentation.

    Args:
        augmentation: the change.
        image: intensities, (*S).
        labels: label map, (*S), integers.
        tube: tubed skeleton, (*S), integers or bool; it moves with the labels.
        spacing_mm: voxel size, z, y, x.
        output_shape: voxels of the window; it may reach outside the volume.
        centre: voxel coordinates in the volume that land in the window's centre when nothing is shifted.
        outside: gives the image's minimum, asked where the window reaches outside; None reads the whole image for it.

    Returns:
        float32 image, label map and tube of `output_shape`. Outside the volume the image holds its minimum, the others
        hold 0.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Augmentation, apply_augmentation
        >>> flip = Augmentation(np.diag([1.0, -1.0]), np.zeros(2), gamma=1.0)
        >>> image, labels = np.array([[1.0, 2.0, 3.0]]), np.array([[0, 0, 1]])
        >>> window = {"output_shape": (1, 3), "centre": (0.0, 1.0)}
        >>> moved = apply_augmentation(flip, image, labels, labels > 0, (1.0, 1.0), **window)
        >>> moved[0].tolist(), moved[1].tolist()
        ([[3.0, 2.0, 1.0]], [[1, 0, 0]])
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    # The window's voxel o shows the volume's voxel c + A (o - o_c): the inverse of the map that moves the anatomy.
    inverse_mm = np.linalg.inv(augmentation.matrix_mm)
    matrix = inverse_mm * spacing[None, :] / spacing[:, None]
    window_centre = (np.asarray(output_shape) - 1) / 2
    shift = (inverse_mm @ augmentation.translation_mm) / spacing
    offset = np.asarray(centre, dtype=np.float64) - matrix @ window_centre - shift
    fill = 0.0
    if reaches_outside(matrix, offset, output_shape, image.shape):
        fill = outside() if outside else float(image.min())
    sampled, sampled_labels, sampled_tube = sample_affine(image, labels, tube, matrix, offset, output_shape, fill=fill)
    if augmentation.gamma != 1.0:
        sampled = _apply_gamma(sampled, augmentation.gamma)
    return sampled, sampled_labels, sampled_tube


def _plane_rotation(ndim: int, first: int, second: int, angle: float) -> Array:
    """Rotation by an angle in the plane of two axes."""
    matrix = np.eye(ndim)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def _apply_gamma(image: Array, gamma: float) -> Array:
    """Gamma correction within the sample's own range, which stays as it is."""
    low, high = float(image.min()), float(image.max())
    if high <= low:
        return image
    scaled = (image - low) / (high - low)
    return (np.power(scaled, np.float32(gamma)) * (high - low) + low).astype(np.float32)

"""Settings of each kind of augmentation that a share of the samples gets; the ranges are nnU-Net's where it has it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

NO_FOLD = 0.4
"""Largest shift of a control point of a cubic spline as a share of their distance, for which nothing can fold over
itself in 2D or 3D (Choi and Lee 2000 prove 1 / 2.48)."""


def _not_negative(bounds: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= bounds[0] <= bounds[1]:
        raise ValueError("expected two numbers, none negative, the smaller first")
    return bounds


def _positive(bounds: tuple[float, float]) -> tuple[float, float]:
    if not 0 < bounds[0] <= bounds[1]:
        raise ValueError("expected two positive numbers, the smaller first")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_not_negative)]
PositiveRange = Annotated[tuple[float, float], AfterValidator(_positive)]
Kept = Literal["range", "mean_and_sd"]
Channels = Literal["alone", "together"]


class Occasional(BaseModel, frozen=True, extra="forbid"):
    """A change that a share of the samples gets."""

    probability: float = Field(0.0, ge=0, le=1)
    """Share of the samples that are changed; 0 switches it off."""


class OfChannels(Occasional, frozen=True, extra="forbid"):
    """A change of the intensities of some channels or all."""

    channels: Channels = "alone"
    """Whether what is drawn is drawn for each channel alone or for all of them together."""
    channel_probability: float = Field(1.0, gt=0, le=1)
    """Probability of each channel of such a sample to be changed."""


class ScalingSettings(Occasional, frozen=True, extra="forbid"):
    """Anatomy made larger or smaller, in the same sampling as rotation and shift."""

    zoom: PositiveRange = (0.71, 1.43)
    """Range of the factor, above 1 for larger; drawn log-uniformly. Scales of vessels stay what they were: a thin one
    is then shown thick, under its own label."""
    per_axis: bool = False
    """A factor of its own for each axis of the patient."""


class ElasticSettings(Occasional, frozen=True, extra="forbid"):
    """Anatomy bent smoothly, in the same sampling as rotation and shift."""

    magnitude_mm: Range = (0.0, 4.0)
    """Range of the largest shift of a control point along each axis, millimetres; drawn uniformly. Points between them
    are shifted less, by a fifth of that as a rule."""
    correlation_mm: float = Field(16.0, gt=0)
    """Distance of control points, over which shifts become independent of one another, millimetres."""

    @model_validator(mode="after")
    def _without_folds(self) -> "ElasticSettings":
        if self.magnitude_mm[1] > NO_FOLD * self.correlation_mm:
            raise ValueError(
                f"magnitude_mm {self.magnitude_mm[1]:g} may fold tissue over itself; keep it within {NO_FOLD:g} "
                f"correlation_mm, here {NO_FOLD * self.correlation_mm:g}"
            )
        return self


class NoiseSettings(OfChannels, frozen=True, extra="forbid"):
    """Gaussian noise added to the image, every voxel and channel by itself."""

    sd: Range = (0.0, 0.1)
    """Range of its standard deviation in intensities of the prepared image; drawn uniformly."""


class BlurSettings(OfChannels, frozen=True, extra="forbid"):
    """The image blurred by a Gaussian."""

    sigma_mm: Range = (0.5, 1.0)
    """Range of the Gaussian's standard deviation, millimetres; drawn uniformly."""
    per_axis: bool = False
    """One of its own along each axis."""


class BrightnessSettings(OfChannels, frozen=True, extra="forbid"):
    """All intensities of the image times a factor."""

    factor: PositiveRange = (0.75, 1.25)
    """Range of the factor, drawn log-uniformly."""


class ContrastSettings(OfChannels, frozen=True, extra="forbid"):
    """Distances from the image's mean times a factor, clipped to the range that there was."""

    factor: PositiveRange = (0.75, 1.25)
    """Range of the factor, drawn log-uniformly."""


class LowResolutionSettings(OfChannels, frozen=True, extra="forbid"):
    """The image on a coarser grid, by its nearest voxels, and back, linearly."""

    factor: PositiveRange = (0.5, 1.0)
    """Range of the coarser grid's voxels along an axis as a share of the sample's, at most 1; drawn log-uniformly."""
    axes: Literal["all", "coarsest"] = "all"
    """Along which axes: all, or the one with the largest spacing alone (the first of equal ones), as thicker slices."""

    @model_validator(mode="after")
    def _no_finer(self) -> "LowResolutionSettings":
        if self.factor[1] > 1:
            raise ValueError(f"factor {self.factor[1]:g} would be a finer grid; keep it within 1")
        return self


class InvertedGammaSettings(OfChannels, frozen=True, extra="forbid"):
    """Gamma correction of the image with its sign turned, which bends bright values where the plain one bends dark."""

    exponent: PositiveRange = (0.7, 1.5)
    """Range of the exponent, drawn log-uniformly."""
    keeps: Kept = "mean_and_sd"
    """What a channel has as before: its range, or its mean and standard deviation."""

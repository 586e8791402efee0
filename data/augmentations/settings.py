"""How far training samples are moved and changed."""

from pydantic import BaseModel, Field

from ramify.data.augmentations.kind_settings import (
    BlurSettings,
    BrightnessSettings,
    Channels,
    ContrastSettings,
    ElasticSettings,
    InvertedGammaSettings,
    Kept,
    LowResolutionSettings,
    NoiseSettings,
    PositiveRange,
    ScalingSettings,
)
from ramify.data.named_classes import ClassName


class AugmentationSettings(BaseModel, frozen=True, extra="forbid"):
    """How far training samples are moved and changed; zeros switch a change off."""

    probability: float = Field(0.5, ge=0, le=1)
    """Share of samples that are rotated and translated. Both interpolate, and so blur noise and thin vessels; the other
    samples are as sharp as what the network will see at prediction."""
    rotation_degrees: float = Field(15.0, ge=0, le=180)
    """Largest rotation about each axis, degrees; drawn uniformly."""
    translation_mm: float = Field(10.0, ge=0)
    """Largest shift along each axis, millimetres; drawn uniformly. Never more than a quarter of what a sample sees of
    the volume, so that a small patch stays on what it was centred on, and never with its middle out of the volume."""
    flip_probability: float = Field(0.5, ge=0, le=1)
    """Probability of mirroring each axis."""
    flip_swaps: dict[ClassName, ClassName] = {}
    """Classes by name or number that become one another where left and right are mirrored, such as the left and the
    right branch of a vessel; each pair once. Without, what was the left one on the right is still called left."""
    scaling: ScalingSettings = ScalingSettings()
    """Anatomy made larger or smaller; off unless its probability is given, as all that follow but gamma."""
    elastic: ElasticSettings = ElasticSettings()
    """Anatomy bent."""
    noise: NoiseSettings = NoiseSettings()
    """Gaussian noise."""
    blur: BlurSettings = BlurSettings()
    """Gaussian blur."""
    brightness: BrightnessSettings = BrightnessSettings()
    """Intensities times a factor."""
    contrast: ContrastSettings = ContrastSettings()
    """Distances from the mean intensity times a factor."""
    low_resolution: LowResolutionSettings = LowResolutionSettings()
    """A coarser grid and back."""
    inverted_gamma: InvertedGammaSettings = InvertedGammaSettings()
    """Gamma correction of the image with its sign turned."""
    gamma: PositiveRange = (0.8, 1.25)
    """Range of the exponent of gamma correction, drawn log-uniformly; 1 1 switches it off."""
    gamma_probability: float = Field(1.0, ge=0, le=1)
    """Share of samples whose intensities are gamma corrected."""
    gamma_channels: Channels = "together"
    """Whether the exponent is drawn for each channel alone or for all of them together."""
    gamma_keeps: Kept = "range"
    """What a channel has after gamma correction as before: its range, or its mean and standard deviation."""

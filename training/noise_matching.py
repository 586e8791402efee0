"""The noise of a CT brought to what a network knows: estimated in the organ, smoothed down where it is too strong."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ramify.data.volume import Volume
from ramify.preprocessing.intensity import IntensitySettings
from ramify.preprocessing.noise import Noise, estimate_noise, sigma_for, smoothed, smoothed_strength
from ramify.preprocessing.prepare import PreparedImage
from ramify.training.names import NoiseSetting
from ramify.training.settings import RunSettings

_INSIDE_WINDOW = 0.02
"""Prepared values this near to the window's bounds may be clipped, and show no noise."""


@dataclass(frozen=True)
class MatchedNoise:
    """What was found of the noise of a prepared image and done about it.

    Attributes:
        strength: standard deviation on the prepared grid, in HU or what else the window is given in; None: not found.
        grain_mm: along each axis, see `preprocessing.noise`.
        known: strength up to which the network was trained; None where it does not say.
        smoothing_mm: standard deviation of the Gaussian that the image was smoothed with; 0: it was not.
        strength_after: what is left of the noise by that.
    """

    strength: float | None
    grain_mm: tuple[float, ...]
    known: float | None
    smoothing_mm: float
    strength_after: float | None

    def as_record(self) -> dict[str, Any]:
        """As plain data, for a file beside the mask."""
        return asdict(self)

    def in_words(self) -> str:
        """A line for the user."""
        found = "noise not estimated"
        if self.strength is not None:
            grain = " x ".join(f"{one:.1f}" for one in self.grain_mm)
            found = f"noise {self.strength:.1f}, grain {grain} mm"
        if not self.smoothing_mm:
            return f"{found}: left as it is"
        left = "" if self.strength_after is None else f", which leaves {self.strength_after:.1f}"
        return f"{found}: smoothed by {self.smoothing_mm:.2f} mm{left}"


def known_noise(trainings: Sequence[RunSettings]) -> float | None:
    """The strength of noise that all of some trainings had, at the most; None where one does not say."""
    if not all(one.appearance.paint for one in trainings):
        return None
    return min(one.appearance.noise_hu[1] for one in trainings)


def looks_at_noise(setting: NoiseSetting, known: float | None) -> bool:
    """Whether something is asked about the noise of an image; auto does nothing for a network that does not say."""
    return setting != "off" and (setting != "auto" or known is not None)


def match_noise(
    setting: NoiseSetting, known: float | None, prepared: PreparedImage, rule: IntensitySettings
) -> MatchedNoise | None:
    """How far an image is to be smoothed; None where nobody asks for that.

    Args:
        setting: what the user wants.
        known: see `known_noise`.
        prepared: the image as the network would see it. Its first channel counts.
        rule: how that channel's values were scaled.
    """
    wanted = 0.0 if isinstance(setting, str) else float(setting)
    if not looks_at_noise(setting, known):
        return None
    unit = _unit_of(rule)
    noise = None if unit is None else _noise_of(prepared, rule, unit)
    spacing = prepared.grid.spacing_mm
    if noise is None:
        return MatchedNoise(None, (), known, wanted, None)
    sigma = wanted or sigma_for(noise, spacing, known or noise.strength)
    return MatchedNoise(noise.strength, noise.grain_mm, known, sigma, smoothed_strength(noise, spacing, sigma))


def smoothed_images(images: Mapping[str, Volume], sigma_mm: float) -> dict[str, Volume]:
    """All channels smoothed on their own grid, so that a coarser one of the network gets less noise, too."""
    return {name: image.with_array(smoothed(image.array, image.spacing_mm, sigma_mm)) for name, image in images.items()}


def _unit_of(rule: IntensitySettings) -> float | None:
    """How much of the image's own unit one of the prepared values is; None where that differs from image to image."""
    if rule.method == "none":
        return 1.0
    if rule.method != "window":
        return None
    width = rule.window[1] - rule.window[0]
    return width if rule.output_range == "zero_one" else width / 2


def _noise_of(prepared: PreparedImage, rule: IntensitySettings, unit: float) -> Noise | None:
    values = prepared.image[0]
    inside = prepared.organ
    if inside is None:
        low, high = (0.0, 1.0) if rule.output_range == "zero_one" else (-1.0, 1.0)
        room = _INSIDE_WINDOW * (high - low)
        # Soft tissue of the body: what is not clipped to air, lung or bone.
        inside = (values > low + room) & (values < high - room)
        if rule.method == "none":
            inside = np.ones(values.shape, bool)
    return estimate_noise(values * np.float32(unit), inside, prepared.grid.spacing_mm)

"""Gamma correction of the image with its sign turned."""

from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange, log_uniform
from ramify.data.augmentations.gamma import Gamma


def inverted_gamma(drawn: Augmentation, draw: Draw) -> Augmentation:
    """An exponent, drawn log-uniformly."""
    of = draw.settings.inverted_gamma
    exponents = draw.for_channels("inverted_gamma", of, lambda random: log_uniform(random, of.exponent))
    return drawn.with_grey(GreyChange(Gamma(each, of.keeps, inverted=True), channel) for channel, each in exponents)

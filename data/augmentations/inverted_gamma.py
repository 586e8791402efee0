"""Gamma correction of the image with its sign turned."""

from ramify.data.augmentations.drawn import Augmentation, Draw, GreyChange, for_channels, log_uniform
from ramify.data.augmentations.gamma import Gamma


def inverted_gamma(drawn: Augmentation, draw: Draw) -> Augmentation:
    """An exponent, drawn log-uniformly."""
    of = draw.settings.inverted_gamma
    random = draw.stream_if_changed("inverted_gamma", of)
    if random is None:
        return drawn
    exponents = for_channels(random, of, draw.channels, lambda random: log_uniform(random, of.exponent))
    return drawn.with_grey(GreyChange(Gamma(each, of.keeps, inverted=True), channel) for channel, each in exponents)

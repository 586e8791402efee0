"""Elastic deformation: anatomy bent smoothly."""

from dataclasses import replace

from ramify.data.augmentations.drawn import Augmentation, Draw
from ramify.data.augmentations.elastic_field import ElasticField


def elastic(drawn: Augmentation, draw: Draw) -> Augmentation:
    """How far control points are shifted, and the seed of where to."""
    of = draw.settings.elastic
    random = draw.stream_if_changed("elastic", of)
    if random is None:
        return drawn
    magnitude_mm = random.uniform(*of.magnitude_mm)
    return replace(drawn, elastic=ElasticField(magnitude_mm, of.correlation_mm, seed=int(random.integers(2**63))))

"""Zoom: anatomy made larger or smaller."""

from dataclasses import replace

from ramify.data.augmentations.drawn import Augmentation, Draw, log_uniform


def scaling(drawn: Augmentation, draw: Draw) -> Augmentation:
    """A factor for all axes or one each, along the patient's own axes, before it is turned."""
    of = draw.settings.scaling
    random = draw.stream_if_changed("scaling", of)
    if random is None:
        return drawn
    factors = [log_uniform(random, of.zoom) for _ in range(len(drawn.matrix_mm) if of.per_axis else 1)]
    return replace(drawn, matrix_mm=drawn.matrix_mm * factors)

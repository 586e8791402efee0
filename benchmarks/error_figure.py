"""What methods found, missed and made up of a patient's vessels: a section and two projections each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.drawing.colours import AGREEING, BACKDROP, EXTRA, INK, MISSED
from ramify.drawing.projections import turned_to_viewer, views_of
from ramify.experiments.worst_cases import LEGEND

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Mask = NDArray[np.bool_]
_WINDOW_HU = (-50.0, 250.0)


def error_figure(image: Volume, truth: Mask, organ: Mask, masks: Mapping[str, Mask]) -> "Figure":
    """A row a method: an axial section with what agrees, is missed and extra, and projections from below and before.

    Args:
        image: the CT, (*S) of 3D.
        truth, organ, masks: on its grid; all is cut to the organ's box.
    """
    from matplotlib.figure import Figure

    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(organ))
    axial, coronal, _ = views_of(image.direction)
    low, high = _WINDOW_HU
    grey = 255 * np.clip((turned_to_viewer(image.array[box], axial) - low) / (high - low), 0, 1)
    # The slice with most vessels shows most.
    section = int(turned_to_viewer(truth[box], axial).sum(axis=(1, 2)).argmax())
    figure = Figure(figsize=(14, 4.6 * len(masks)), layout="constrained")
    places = figure.subplots(len(masks), 3, squeeze=False)
    for row, (name, mask) in zip(places, masks.items(), strict=True):
        kinds = np.stack([mask & truth, truth & ~mask, mask & ~truth])[:, *box]
        for axes, view in zip(row, (axial, axial, coronal), strict=True):
            along = np.stack([turned_to_viewer(kind, view) for kind in kinds])
            if axes is row[0]:
                picture = _painted(along[:, section], np.repeat(grey[section][..., None], 3, axis=2))
            else:
                picture = _painted(along.sum(axis=1), np.full((*along.shape[2:], 3), BACKDROP))
            axes.imshow(picture, aspect=image.spacing_mm[view.rows] / image.spacing_mm[view.columns])
            axes.axis("off")
        row[0].set_title(f"{name}: {LEGEND}", fontsize=9, color=INK, loc="left")
    return figure


def _painted(counts: NDArray[np.generic], ground: NDArray[np.generic]) -> NDArray[np.uint8]:
    """A picture (h, w, 3) with each line of sight in the colour of what it meets most, counts (3, h, w)."""
    picture = ground.astype(np.uint8)
    for number, colour in enumerate((AGREEING, MISSED, EXTRA)):
        picture[(counts.argmax(axis=0) == number) & (counts[number] > 0)] = colour
    return picture

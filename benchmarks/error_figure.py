"""What methods found, missed and made up of a patient's vessels: a section and two projections each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ramify.data.volume import Volume
from ramify.drawing.colours import AGREEING, BACKDROP, EXTRA, MISSED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Mask = NDArray[np.bool_]
_WINDOW_HU = (-50.0, 250.0)


def error_figure(image: Volume, truth: Mask, organ: Mask, masks: Mapping[str, Mask]) -> "Figure":
    """A row a method: a section of the CT with what is right, missed and too much in it, and two projections.

    Args:
        image: the CT; its first axis is the stack of slices.
        truth, organ, masks: on its grid; all is cut to the organ's box.
    """
    from matplotlib.figure import Figure

    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(organ))
    hu, truth = image.array[box], truth[box]
    # The slice with most vessels shows most.
    section = int(truth.sum(axis=(1, 2)).argmax())
    low, high = _WINDOW_HU
    grey = (255 * np.clip((hu[section] - low) / (high - low), 0, 1)).astype(np.uint8)
    figure = Figure(figsize=(14, 4.6 * len(masks)), layout="constrained")
    places = figure.subplots(len(masks), 3, squeeze=False)
    step = image.spacing_mm
    for row, (name, mask) in zip(places, masks.items(), strict=True):
        found = mask[box]
        drawn = np.repeat(grey[..., None], 3, axis=2)
        _colour(drawn, found[section], truth[section])
        row[0].imshow(drawn, aspect=step[1] / step[2])
        for axes, axis, aspect in ((row[1], 0, step[1] / step[2]), (row[2], 1, step[0] / step[2])):
            flat = np.full((*found.any(axis=axis).shape, 3), BACKDROP, np.uint8)
            # Each line of sight has the colour of what it meets most.
            kinds = (found & truth, truth & ~found, found & ~truth)
            counts = np.stack([kind.sum(axis=axis) for kind in kinds])
            for number, colour in enumerate((AGREEING, MISSED, EXTRA)):
                _over(flat, np.asarray((counts.argmax(axis=0) == number) & (counts[number] > 0), bool), colour)
            axes.imshow(flat, aspect=aspect, origin="lower" if axis == 1 else "upper")
        row[0].set_title(f"{name}: grey found, blue missed, red too much", fontsize=9, loc="left")
        for axes in row:
            axes.axis("off")
    return figure


def _colour(picture: NDArray[np.uint8], found: Mask, truth: Mask) -> None:
    _over(picture, found & truth, AGREEING)
    _over(picture, truth & ~found, MISSED)
    _over(picture, found & ~truth, EXTRA)


def _over(picture: NDArray[np.uint8], where: Mask, colour: tuple[int, int, int]) -> None:
    picture[where] = colour

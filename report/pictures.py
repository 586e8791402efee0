"""Truth, prediction and error of a case projected along each axis, as small pictures."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ramify.drawing.colours import (
    AGREEING,
    BACKDROP,
    EXTRA,
    MISNAMED,
    MISSED,
    PREDICTION,
    Colour,
    blend,
    class_colours,
    scale_colours,
)
from ramify.drawing.projections import View, frontmost, turned_to_viewer, views_of
from ramify.drawing.shading import paint_labels, shades
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.report.class_maps import ClassMaps

MOST_PIXELS = 640
"""Longest side of a picture; what is larger is averaged down."""
_MARGIN = 0.04
# An error a voxel deep must show before a thick vessel that agrees.
_ERROR_WEIGHT = 4.0


@dataclass(frozen=True)
class ViewPictures:
    """A case seen from one side.

    title: where the viewer stands; empty in 2D, where the image itself is shown.
    edge_letters: the patient's sides at the left, right, top and bottom edge; empty in 2D.
    width_mm, height_mm: extent of the pictures, whose pixels are as wide and high as voxels are.
    truth, prediction, error: WebP, without loss.
    """

    title: str
    edge_letters: tuple[str, ...]
    width_mm: float
    height_mm: float
    truth: bytes
    prediction: bytes
    error: bytes


def draw_views(
    prediction: MaskAnalysis,
    target: MaskAnalysis,
    direction: Sequence[Sequence[float]],
    classes: ClassMaps | None = None,
) -> tuple[ViewPictures, ...]:
    """Pictures of a case from the front, the side and below, or of the image in 2D; none if both masks are empty.

    Vessels are darker the farther they lie from the viewer. The truth is coloured by scale, or truth and prediction by
    class; in the error, blue is missed, red is extra, grey agrees and what has another class is pale, mixed where they
    lie behind each other, errors counting four times.

    Args:
        prediction, target: analyses of masks on one grid.
        direction: of the volume's axes, as `data.volume.Volume` has it.
        classes: of label maps, those of the same grid.
    """
    if prediction.is_empty and target.is_empty:
        return ()
    box = _shown_box(prediction, target)
    truth, predicted = target.mask[box], prediction.mask[box]
    shown_truth, shown_prediction = np.zeros(truth.shape, dtype=np.int16), predicted.astype(np.int16)
    colours: list[Colour] = []
    prediction_colours: list[Colour] = [PREDICTION]
    misnamed = np.zeros(truth.shape, dtype=bool)
    if classes is not None:
        colours = prediction_colours = class_colours(len(classes.names))
        shown_truth, shown_prediction = classes.truth[box].astype(np.int16), classes.prediction[box].astype(np.int16)
        misnamed = truth & predicted & (shown_truth != shown_prediction)
    elif not target.is_empty:
        colours = scale_colours(target.scale_settings.n_scales)
        shown_truth = _in_box(target.decomposition.scale_map, target.box, box)
    pictures = []
    for view in views_of(direction):
        pictures.append(
            ViewPictures(
                view.title,
                view.edge_letters,
                view.width(truth.shape, target.spacing_mm),
                view.height(truth.shape, target.spacing_mm),
                _finish(paint_labels(shown_truth, view, colours, BACKDROP)),
                _finish(paint_labels(shown_prediction, view, prediction_colours, BACKDROP)),
                _finish(_error(truth, predicted, misnamed, view)),
            )
        )
    return tuple(pictures)


def _shown_box(prediction: MaskAnalysis, target: MaskAnalysis) -> tuple[slice, ...]:
    """Around both masks, with a little room, within the volume."""
    boxes = [mask.box for mask in (prediction, target) if not mask.is_empty]
    room = [
        max(1, round(_MARGIN * (max(s.stop for s in sides) - min(s.start for s in sides)))) for sides in zip(*boxes)
    ]
    return tuple(
        slice(max(0, min(s.start for s in sides) - more), min(size, max(s.stop for s in sides) + more))
        for sides, more, size in zip(zip(*boxes), room, target.shape)
    )


def _in_box(labels: NDArray[Any], held: tuple[slice, ...], box: tuple[slice, ...]) -> NDArray[np.int16]:
    """Labels that cover one box of a volume, in a larger box."""
    wide = np.zeros(tuple(side.stop - side.start for side in box), dtype=np.int16)
    wide[tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(held, box))] = labels
    return wide


def _error(
    truth: NDArray[np.bool_], prediction: NDArray[np.bool_], misnamed: NDArray[np.bool_], view: View
) -> NDArray[np.float64]:
    """What agrees, is missed, is extra and has another class along each ray, mixed, (h, w, 3)."""
    parts = [truth & prediction & ~misnamed, truth & ~prediction, prediction & ~truth, misnamed]
    turned = [turned_to_viewer(part, view) for part in parts]
    count = np.array([part if view.axis is None else np.count_nonzero(part, axis=0) for part in turned], dtype=float)
    weights = count * np.array([1.0, _ERROR_WEIGHT, _ERROR_WEIGHT, _ERROR_WEIGHT])[:, None, None]
    share = np.round(weights / np.maximum(weights.sum(axis=0), 1) * 8) / 8
    _, depth = frontmost((truth | prediction).astype(np.int16), view)
    seen: NDArray[np.bool_] = count.max(axis=0) > 0
    return np.where(seen[..., None], blend([AGREEING, MISSED, EXTRA, MISNAMED], share) * shades(depth), BACKDROP)


def _finish(picture: NDArray[np.float64]) -> bytes:
    """As a file, no larger than it can be shown."""
    times = -(-max(picture.shape[:2]) // MOST_PIXELS)
    if times > 1:
        rows, columns = (-(-size // times) * times for size in picture.shape[:2])
        wide = np.pad(picture, ((0, rows - picture.shape[0]), (0, columns - picture.shape[1]), (0, 0)), mode="edge")
        picture = wide.reshape(rows // times, times, columns // times, times, 3).mean(axis=(1, 3))
    return packed(np.round(picture).astype(np.uint8))


def packed(picture: NDArray[np.uint8]) -> bytes:
    """A picture, uint8 (h, w, 3) of red, green and blue, as WebP: without loss, and smaller than PNG in less time."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "WEBP", lossless=True)
    return content.getvalue()

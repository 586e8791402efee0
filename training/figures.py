"""Pictures of a validation case: maximum-intensity projections of image, truth and prediction for every mask."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ramify.drawing.colours import (
    AGREEING,
    BACKDROP,
    EXTRA,
    MISSED,
    PREDICTION,
    Colour,
    class_colours,
    scale_colours,
)
from ramify.drawing.scale_words import scale_names
from ramify.tasks.formulation import VESSELS, Tasks
from ramify.training.inference import VESSEL_PROBABILITY

LEAST_PIXELS = 160
MOST_PIXELS = 400
COLUMNS = ("image", "truth", "probability", "error")
ERRORS = (("both", AGREEING), ("missed", MISSED), ("extra", EXTRA))
_TEXT_PIXELS, _MARGIN = 12, 6


class Row(NamedTuple):
    """A mask as its row of the picture is called, and the colour that its truth and its probability have."""

    name: str
    colour: Colour


def rows_of(tasks: Tasks) -> list[Row]:
    """The rows of `tasks.masks`: scales and classes in their own colours, vessels and what is of several in grey."""
    scales, names = scale_colours(tasks.n_scales), scale_names(tasks.n_scales)
    classes = class_colours(len(tasks.table.names))
    of_main = () if tasks.asked == "vessels" else zip(tasks.main_names, tasks.main.masks)
    beside = [(task.name, task.masks[0]) for task in tasks.auxiliary]
    rows = [Row(VESSELS, PREDICTION)]
    for name, members in (*of_main, *beside):
        if members.scales is not None and len(members.scales) == 1:
            scale = members.scales[0] - 1
            of = name.removesuffix(f"scale_{scale + 1}").rstrip("_")
            rows.append(Row(f"{of} {names[scale]}".strip(), scales[scale]))
        elif members.classes is not None and len(members.classes) == 1:
            rows.append(Row(name, classes[members.classes[0] - 1]))
        else:
            rows.append(Row(name, PREDICTION))
    return rows


def task_panels(
    image: np.ndarray,
    truth: np.ndarray,
    probabilities: np.ndarray,
    spacing_mm: tuple[float, ...],
    rows: Sequence[Row],
) -> np.ndarray:
    """One row a mask: image, truth, probability, and error (grey both, blue missed, red extra), with their names.

    Args:
        image: (*S).
        truth: boolean masks, (K, *S).
        probabilities: of the same masks, (K, *S).
        spacing_mm: voxel size, z y x; pixels are made square in millimetres.
        rows: name and colour of each mask.

    Returns:
        float32 RGB picture (3, H, W) in [0, 1].
    """
    axis = _projection_axis(image.ndim)
    shown = _rescale(_project(image, axis))
    lines = []
    for target, probability, row in zip(truth, probabilities, rows, strict=True):
        target_2d, probability_2d = _project(target, axis), _project(probability, axis)
        panels = [
            np.repeat(255 * shown[..., None], 3, axis=-1),
            _foreground(target_2d.astype(float), row.colour),
            _foreground(probability_2d, row.colour),
            _agreement(target_2d, probability_2d >= VESSEL_PROBABILITY),
        ]
        lines.append(np.concatenate([_frame(_square_pixels(panel, spacing_mm, axis)) for panel in panels], axis=1))
    named = _with_names(np.concatenate(lines, axis=0), rows, "" if axis is None else "largest value along z")
    return (np.moveaxis(named, -1, 0) / 255).astype(np.float32)


def _with_names(panels: np.ndarray, rows: Sequence[Row], projection: str) -> np.ndarray:
    """Names of the columns above panels (h, w, 3), those of the rows at their left, what colours mean below."""
    font = ImageFont.load_default(_TEXT_PIXELS)
    left = round(max(font.getlength(row.name) for row in rows)) + 2 * _MARGIN
    line = _TEXT_PIXELS + 2 * _MARGIN
    height, width, _ = panels.shape
    page = Image.new("RGB", (left + width, line + height + line), BACKDROP)
    page.paste(Image.fromarray(np.round(panels).astype(np.uint8)), (left, line))
    draw = ImageDraw.Draw(page)
    for number, name in enumerate(COLUMNS):
        place = left + (2 * number + 1) * width / (2 * len(COLUMNS))
        draw.text((place, line / 2), name, fill=PREDICTION, font=font, anchor="mm")
    for number, row in enumerate(rows):
        place = line + (2 * number + 1) * height / (2 * len(rows))
        draw.text((left - _MARGIN, place), row.name, fill=row.colour, font=font, anchor="rm")

    draw.text((_MARGIN, line + height + line / 2), projection, fill=AGREEING, font=font, anchor="lm")
    right = left + width - _MARGIN
    for name, colour in reversed(ERRORS):
        draw.text((right, line + height + line / 2), name, fill=colour, font=font, anchor="rm")
        right -= round(font.getlength(name)) + 2 * _MARGIN
    return np.asarray(page)


def _projection_axis(ndim: int) -> int | None:
    """Volumes are seen along z, as an axial slice is; images as they are."""
    return 0 if ndim == 3 else None


def _project(array: np.ndarray, axis: int | None) -> np.ndarray:
    seen: np.ndarray = array if axis is None else array.max(axis=axis)
    return seen


def _rescale(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, (1, 99))
    rescaled: np.ndarray = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    return rescaled


def _agreement(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    picture = np.full((*truth.shape, 3), BACKDROP, dtype=float)
    picture[truth & prediction] = AGREEING
    picture[truth & ~prediction] = MISSED
    picture[~truth & prediction] = EXTRA
    return picture


def _foreground(share: np.ndarray, colour: Colour) -> np.ndarray:
    """From the backdrop at 0 to the colour of a mask at 1, (h, w, 3) in 0..255."""
    mixed: np.ndarray = share[..., None] * np.array(colour) + (1 - share[..., None]) * np.array(BACKDROP)
    return mixed


def _square_pixels(panel: np.ndarray, spacing_mm: tuple[float, ...], axis: int | None) -> np.ndarray:
    """Repeat or skip pixels so that they are square in millimetres and the panel is neither tiny nor huge."""
    spacing = [s for i, s in enumerate(spacing_mm) if i != axis] if axis is not None else list(spacing_mm)
    extent = [n * s for n, s in zip(panel.shape, spacing)]
    longest = min(MOST_PIXELS, max(LEAST_PIXELS, max(panel.shape[:2])))
    size = [max(1, round(longest * length / max(extent))) for length in extent]
    rows, columns = (np.minimum(np.arange(n) * panel.shape[i] // n, panel.shape[i] - 1) for i, n in enumerate(size))
    pixels: np.ndarray = panel[rows][:, columns]
    return pixels


def _frame(panel: np.ndarray) -> np.ndarray:
    """A grey line between panels."""
    return np.pad(panel, ((0, 2), (0, 2), (0, 0)), constant_values=128)

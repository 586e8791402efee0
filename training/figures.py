"""Pictures of a validation case: maximum-intensity projections of image, truth and prediction for every task."""

import numpy as np

from ramify.drawing.colours import AGREEING, BACKDROP, EXTRA, MISSED, PREDICTION
from ramify.training.inference import VESSEL_PROBABILITY

LEAST_PIXELS = 160
MOST_PIXELS = 400


def task_panels(
    image: np.ndarray, truth: np.ndarray, probabilities: np.ndarray, spacing_mm: tuple[float, ...]
) -> np.ndarray:
    """One row a task: image, truth, probability, and agreement (grey both, blue missed, red extra).

    Args:
        image: (*S).
        truth: boolean masks of the tasks, (K, *S).
        probabilities: of the tasks, (K, *S).
        spacing_mm: voxel size, z y x; pixels are made square in millimetres.

    Returns:
        float32 RGB picture (3, H, W) in [0, 1].
    """
    axis = _projection_axis(image.ndim)
    shown = _rescale(_project(image, axis))
    rows = []
    for target, probability in zip(truth, probabilities, strict=True):
        target_2d, probability_2d = _project(target, axis), _project(probability, axis)
        panels = [
            np.repeat(255 * shown[..., None], 3, axis=-1),
            _foreground(target_2d.astype(float)),
            _foreground(probability_2d),
            _agreement(target_2d, probability_2d >= VESSEL_PROBABILITY),
        ]
        rows.append(np.concatenate([_frame(_square_pixels(panel, spacing_mm, axis)) for panel in panels], axis=1))
    return (np.moveaxis(np.concatenate(rows, axis=0), -1, 0) / 255).astype(np.float32)


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


def _foreground(share: np.ndarray) -> np.ndarray:
    """From the backdrop at 0 to the colour of a mask at 1, (h, w, 3) in 0..255."""
    mixed: np.ndarray = share[..., None] * np.array(PREDICTION) + (1 - share[..., None]) * np.array(BACKDROP)
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

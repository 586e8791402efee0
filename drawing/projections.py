"""A volume seen from the front, from the side and from below, the right way up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ramify.vessels.patient_axes import canonical_orientation

# World components in array order z, y, x: towards the head, the back and the left (LPS).
_TOWARDS, _AWAY = ("S", "P", "L"), ("I", "A", "R")
_TITLES = ("axial, from below", "coronal, from the front", "sagittal, from the left")
# The viewer stands below, in front or at the left of the patient: whether the axis runs away from there.
_AWAY_FROM_VIEWER = (1, 1, -1)


@dataclass(frozen=True)
class View:
    """One direction of sight.

    Attributes:
        axis: the array axis looked along; None in 2D, where the image itself is the view.
        rows, columns: array axes that run down and to the right.
        flipped: array axes that must be reversed to be the right way up and seen from the viewer's side.
        title: where the viewer stands.
        edge_letters: the patient's sides at the left, right, top and bottom edge; empty in 2D.
    """

    axis: int | None
    rows: int
    columns: int
    flipped: tuple[int, ...]
    title: str
    edge_letters: tuple[str, ...]

    def height(self, shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
        """Extent of the picture downwards, in mm."""
        return float(shape[self.rows] * spacing_mm[self.rows])

    def width(self, shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
        """Extent of the picture to the right, in mm."""
        return float(shape[self.columns] * spacing_mm[self.columns])


def views_of(direction: Sequence[Sequence[float]]) -> list[View]:
    """The views of a volume whose axes point that way (rows: world z, y, x; columns: array axes).

    Heads point up, faces point up or to the left, and the patient's right is at the left, as radiologists have it.
    """
    ndim = len(direction)
    if ndim == 2:
        return [View(None, 0, 1, (), "", ())]
    nearest = canonical_orientation(direction)
    world = [nearest.axes.index(axis) for axis in range(ndim)]
    sign = [-1 if backwards else 1 for backwards in nearest.backwards]
    views = []
    for component in range(ndim):
        axis = world.index(component)
        # Down and right: heads up whichever way the array lies, then back or front, then left to right.
        rows, columns = (world.index(other) for other in range(ndim) if other != component)
        wanted = {axis: _AWAY_FROM_VIEWER[component], rows: -1 if world[rows] == 0 else 1, columns: 1}
        flipped = tuple(sorted(other for other, direction in wanted.items() if sign[other] != direction))
        ends = [(_AWAY[world[columns]], _TOWARDS[world[columns]]), (_AWAY[world[rows]], _TOWARDS[world[rows]])]
        if world[rows] == 0:
            ends[1] = ends[1][::-1]
        views.append(View(axis, rows, columns, flipped, _TITLES[component], (*ends[0], *ends[1])))
    return views


def project_maximum(image: np.ndarray, organ: np.ndarray, view: View) -> np.ndarray:
    """Largest grey value inside the organ along each ray, float (h, w); NaN where a ray misses the organ."""
    turned = turned_to_viewer(np.where(organ, image, -np.inf), view)
    flat = turned if view.axis is None else turned.max(axis=0)
    return np.where(np.isneginf(flat), np.nan, flat)


def frontmost(labels: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Label of the first foreground voxel on each ray, int (h, w), and its depth, 0 (nearest) to 1 (h, w)."""
    turned = turned_to_viewer(labels, view)
    if view.axis is None:
        return turned.astype(np.int64), np.zeros(turned.shape)
    first = (turned > 0).argmax(axis=0)
    label = np.take_along_axis(turned, first[None], axis=0)[0].astype(np.int64)
    hit = first[label > 0]
    if hit.size == 0:
        return label, np.zeros(first.shape)
    return label, np.clip((first - hit.min()) / max(1, hit.max() - hit.min()), 0, 1)


def turned_to_viewer(array: np.ndarray, view: View) -> np.ndarray:
    """The array with the line of sight first (if any), then rows and columns."""
    flipped = np.flip(array, view.flipped)
    order = (view.rows, view.columns) if view.axis is None else (view.axis, view.rows, view.columns)
    return np.transpose(flipped, order)

"""The grid a network sees, turned, cut and resampled from a file's own grid, and the way back.

First of all the axes are turned to the patient's own (see `vessels/patient_axes.py`), as a view: from there on a
patient is the same array however its file is stored, and every number comes out the same to the last bit.

Voxel edges are aligned: the first prepared voxel begins where the crop box begins and the last one ends where it ends,
so nothing is shifted by half a voxel on the way there or back. Interpolation is linear and separable, one axis at a
time. Measured on four 3D-IRCADb vessel masks shrunk two- to five-fold: masks keep 95-100 % of their volume when they
are interpolated at the new voxel's centre, but only 54-83 % when smoothed against aliasing first (thin vessels fall
below one half). An image gains from smoothing instead: averaging over the area of the new voxel raises the ratio of
vessel contrast to noise from 2.4 to 3.2 at three-fold shrinking with correlated noise. So images are averaged where
they shrink, masks and probabilities are not, and where a grid grows or stays there is no difference.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ramify.data.large_arrays import slabs, zeros
from ramify.data.volume import Volume
from ramify.preprocessing.interpolation import centres, interpolate, interpolate_labels, resample
from ramify.preprocessing.settings import GridSettings
from ramify.vessels.box import foreground_box
from ramify.vessels.orientation import Orientation
from ramify.vessels.patient_axes import canonical_orientation

WHOLE_VOLUME = "prepare the whole volume with --preprocessing.grid.crop volume"
# Weights are rounded to float32: a voxel half inside must not fall outside by the last bit.
_HALF = 0.5 - 1e-5
# Headers hold spacings in single or double precision: their last digits must decide on no voxel.
_HEADER_DIGITS, _HEADER_NOISE = 4, 1e-4


@dataclass(frozen=True)
class Grid:
    """Where a prepared array lies in its file's own grid. Plain data: `to_dict` and `from_dict` go through JSON.

    Args:
        native_shape, native_spacing_mm, native_origin_mm, native_direction: geometry of the original volume, in the
            file's own axis order.
        axes: the native axes in the order of the patient's z, y, x.
        backwards: for each native axis, whether it runs against the patient's.
        crop_start, crop_stop: the box of voxels that is kept, stop excluded, once the axes are turned.
        shape, spacing_mm: the prepared array's shape in voxels and its spacing in mm, along the patient's z, y, x.
    """

    native_shape: tuple[int, ...]
    native_spacing_mm: tuple[float, ...]
    native_origin_mm: tuple[float, ...]
    native_direction: tuple[tuple[float, ...], ...]
    axes: tuple[int, ...]
    backwards: tuple[bool, ...]
    crop_start: tuple[int, ...]
    crop_stop: tuple[int, ...]
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return len(self.native_shape)

    @property
    def crop_box(self) -> tuple[slice, ...]:
        """The kept part of a turned array."""
        return tuple(slice(start, stop) for start, stop in zip(self.crop_start, self.crop_stop))

    @property
    def turned_spacing_mm(self) -> tuple[float, ...]:
        """Voxel size of a turned array."""
        return Orientation(self.axes, self.backwards).lay_sizes(self.native_spacing_mm)

    def turned(self, native: np.ndarray) -> np.ndarray:
        """A native array (*native S) with the patient's axes; a view: what is written to it is written there."""
        return Orientation(self.axes, self.backwards).lay(native)

    def image_to_prepared(self, image: np.ndarray) -> np.ndarray:
        """A native image (*native S) on the prepared grid, float32 (*S): linear, averaged where it shrinks."""
        self._check_shape(image, self.native_shape, "image")
        return resample(self.turned(image)[self.crop_box], self.shape, average=True)

    def mask_to_prepared(self, mask: np.ndarray) -> np.ndarray:
        """A native mask, bool (*native S), on the prepared grid, bool (*S): linear, foreground from one half on."""
        self._check_shape(mask, self.native_shape, "mask")
        return _at_least(resample(self.turned(mask)[self.crop_box].astype(bool), self.shape), _HALF)

    def mask_around(self, mask: np.ndarray, margin_mm: float) -> tuple[np.ndarray, tuple[slice, ...]]:
        """A native mask on the prepared voxels and on more of their size around them, as far as the volume goes.

        Args:
            mask: bool (*native S).
            margin_mm: room around the prepared grid on every side.

        Returns:
            bool (*wider S), and the slices in it that are the prepared grid: there it is `mask_to_prepared`.
        """
        self._check_shape(mask, self.native_shape, "mask")
        turned = self.turned(mask)
        added: list[int] = []
        own: list[slice] = []
        kept: list[slice] = []
        places: list[np.ndarray | None] = []
        crop = zip(self.crop_start, self.crop_stop, self.shape, turned.shape, self.spacing_mm, strict=True)
        for start, stop, new, length, spacing in crop:
            factor = (stop - start) / new
            room = math.ceil(margin_mm / spacing)
            before, after = min(room, int(start / factor)), min(room, int((length - stop) / factor))
            at = start + centres(stop - start, new, before, after)
            first, last = max(0, math.floor(at[0])), min(length, math.ceil(at[-1]) + 1)
            added += [before, after]
            own.append(slice(before, before + new))
            kept.append(slice(first, last))
            places.append(None if factor == 1 else at - first)
        inside = self.mask_to_prepared(mask)
        if not any(added):
            return inside, tuple(own)
        wider: np.ndarray = interpolate(turned[tuple(kept)].astype(bool), places) >= _HALF
        # At the border of the crop box `mask_to_prepared` looks at what is inside alone.
        wider[tuple(own)] = inside
        return wider, tuple(own)

    def labels_to_prepared(self, labels: np.ndarray, inside: np.ndarray, start: Sequence[int]) -> np.ndarray:
        """A label map of native voxels on prepared ones: each takes the label with the greatest weight.

        Weights are those of the interpolation that made `inside`, `mask_to_prepared` of the labelled voxels: one of
        the voxels that a foreground voxel was interpolated from has a label.

        Args:
            labels: integers (*part), 0 background, a part of the turned volume.
            inside: bool (*S), the prepared voxels to be labelled.
            start: where in the turned volume the part begins.

        Returns:
            (*S) of the same type, 0 outside of `inside`.
        """
        self._check_shape(inside, self.shape, "mask")
        places = [
            # Within the crop box, at whose border `mask_to_prepared` looks at what is inside alone.
            np.clip(centres(stop - first, new), 0, stop - first - 1) + first - begin
            for first, stop, new, begin in zip(self.crop_start, self.crop_stop, self.shape, start, strict=True)
        ]
        return interpolate_labels(labels, places, inside)

    def classes_to_prepared(self, classes: np.ndarray) -> np.ndarray:
        """A class map of all native voxels, uint8 (*native S), on the prepared ones, uint8 (*S).

        What is of any class there is `mask_to_prepared` of all classes together, and each voxel of it takes its class
        as `labels_to_prepared` has it: no gap and no overlap where classes touch, and of a thin one beside a thick one
        about as much is left as of any.
        """
        self._check_shape(classes, self.native_shape, "class map")
        return self.labels_to_prepared(self.turned(classes), self.mask_to_prepared(classes > 0), (0,) * self.ndim)

    def mask_to_native(self, mask: np.ndarray) -> np.ndarray:
        """A prepared mask, bool (*S), in the full native grid, bool (*native S): linear, one half on is foreground."""
        self._check_shape(mask, self.shape, "mask")
        native = np.zeros(self.native_shape, dtype=bool)
        cropped = self.turned(native)[self.crop_box]
        np.greater_equal(resample(mask, cropped.shape), 0.5, out=cropped)
        return native

    def to_native(self, probabilities: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Prepared probabilities (*S) in the full native grid, float32 (*native S): linear, 0 outside of the crop.

        out: where they go, zeros of that shape; otherwise a new array, in a file where it is large.
        """
        self._check_shape(probabilities, self.shape, "probabilities")
        native = zeros(self.native_shape, np.float32) if out is None else out
        cropped = self.turned(native)[self.crop_box]
        resample(probabilities, cropped.shape, out=cropped)
        return native

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it: lists and numbers."""
        return {
            key: [list(row) if isinstance(row, tuple) else row for row in value] for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Grid":
        """The grid `to_dict` wrote."""
        values: dict[str, Any] = {
            key: tuple(tuple(row) if isinstance(row, list | tuple) else row for row in value)
            for key, value in plain.items()
        }
        return cls(**values)

    @staticmethod
    def _check_shape(array: np.ndarray, expected: tuple[int, ...], name: str) -> None:
        if array.shape != expected:
            raise ValueError(f"{name}: expected shape {expected} as its grid was planned, got {array.shape}")


def _at_least(values: np.ndarray, bound: float) -> np.ndarray:
    """Where values (*S) reach a bound, bool (*S)."""
    mask = np.empty(values.shape, dtype=bool)
    for rows in slabs(values):
        np.greater_equal(values[rows], bound, out=mask[rows])
    return mask


def plan_grid(image: Volume, organ: Volume | None, settings: GridSettings) -> Grid:
    """The grid on which a case is prepared.

    Args:
        image: the volume whose grid is the native one.
        organ: its organ mask on the same grid; needed for `crop: organ`.
        settings: crop and target.

    Raises:
        ValueError: crop is "organ" and there is no organ mask or it is empty; size or spacing_mm has another number
            of axes than the image.

    Examples:
        >>> import numpy as np
        >>> from ramify.data import Volume
        >>> from ramify.preprocessing import GridSettings, plan_grid
        >>> image = Volume(np.zeros((8, 8)), (1.0, 1.0))
        >>> organ = image.with_array(np.pad(np.ones((4, 4), bool), 2))
        >>> grid = plan_grid(image, organ, GridSettings(margin_mm=1.0, spacing_mm=(2.0, 2.0)))
        >>> grid.crop_start, grid.crop_stop, grid.shape
        ((1, 1), (7, 7), (3, 3))
    """
    orientation = canonical_orientation(image.direction)
    spacing = orientation.lay_sizes(image.spacing_mm)
    start, stop = _crop_box(image, organ, orientation, settings)
    kept = tuple(last - first for first, last in zip(start, stop))
    extent_mm = [count * size for count, size in zip(kept, spacing)]
    shape = _prepared_shape(kept, extent_mm, settings)
    return Grid(
        native_shape=image.shape,
        native_spacing_mm=image.spacing_mm,
        native_origin_mm=image.origin_mm,
        native_direction=image.direction,
        axes=orientation.axes,
        backwards=orientation.backwards,
        crop_start=start,
        crop_stop=stop,
        shape=shape,
        spacing_mm=tuple(
            # An axis that is not resampled keeps its spacing to the last bit.
            size if new == old else extent / new
            for extent, new, old, size in zip(extent_mm, shape, kept, spacing)
        ),
    )


def _crop_box(
    image: Volume, organ: Volume | None, orientation: Orientation, settings: GridSettings
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First and last+1 voxel kept along each axis of the turned image."""
    shape, spacing_mm = orientation.lay_sizes(image.shape), orientation.lay_sizes(image.spacing_mm)
    if settings.crop == "volume":
        return (0,) * len(shape), shape
    remedy = f"give one, or {WHOLE_VOLUME}"
    if organ is None:
        raise ValueError(f"no organ mask to crop to: {remedy}")
    if organ.shape != image.shape:
        raise ValueError(f"organ mask: expected the image's shape {image.shape}, got {organ.shape}")
    if not organ.array.any():
        raise ValueError(f"organ mask is empty, nothing to crop to: {remedy}")
    start, stop = [], []
    for side, length, spacing in zip(foreground_box(orientation.lay(organ.array)), shape, spacing_mm):
        margin = math.ceil(settings.margin_mm / spacing - _HEADER_NOISE)
        start.append(max(0, side.start - margin))
        stop.append(min(length, side.stop + margin))
    return tuple(start), tuple(stop)


def _prepared_shape(crop_shape: tuple[int, ...], extent_mm: list[float], settings: GridSettings) -> tuple[int, ...]:
    """Shape of the prepared array for a crop box of that shape and extent."""
    target: Sequence[float] | None = settings.size or settings.spacing_mm
    if target is not None and len(target) != len(crop_shape):
        name = "size" if settings.size else "spacing_mm"
        raise ValueError(
            f"preprocessing.grid.{name}: expected {len(crop_shape)} numbers, one for each axis of the image, "
            f"got {len(target)}: {tuple(target)}"
        )
    if settings.size:
        return tuple(settings.size)
    if settings.spacing_mm:
        wanted = [extent / spacing for extent, spacing in zip(extent_mm, settings.spacing_mm)]
        return tuple(max(1, round(round(length, _HEADER_DIGITS))) for length in wanted)
    return crop_shape

"""Sampling an image and what is drawn on it under one affine map, bent before it where asked, in a single pass and
without a grid in memory."""

from collections.abc import Sequence

import numpy as np

from ramify.compilation import compiled
from ramify.data.augmentations.elastic_field import UNBENT, Lattice, shift_row
from ramify.data.grid_window import GridWindow

Array = np.ndarray


def sample_affine(
    image: Array,
    labels: Array,
    tube: Array,
    matrix: Array,
    offset: Array,
    output_shape: tuple[int, ...],
    *,
    fill: Sequence[float],
    classes: Array | None = None,
    outside_class: int = 0,
    bent: Lattice = UNBENT,
) -> tuple[Array, Array, Array, Array | None]:
    """Output voxel o takes the input at `matrix @ (o + shift(o)) + offset`: the image linearly, the rest by the nearest
    voxel.

    Args:
        image: intensities, (C, *S), 2D or 3D.
        labels: label map, (*S).
        tube: tubed skeleton, (*S).
        matrix: (ndim, ndim), voxels to voxels.
        offset: (ndim,), voxels.
        output_shape: voxels of the output.
        fill: intensity of each channel outside the volume; label and tube there are 0.
        classes: class map, uint8 (*S), or None. outside_class: what it is outside the volume.
        bent: shifts of the output's voxels, which are none unless given.

    Returns:
        float32 image (C, *output_shape); label map, tube and class map (dtypes as they came) of `output_shape`.
    """
    if not image.shape[1:] == labels.shape == tube.shape:
        raise ValueError(f"image, label map and tube differ in shape: {image.shape}, {labels.shape}, {tube.shape}")
    on_grid = None if bent.shifts.size else GridWindow.of_map(matrix, offset, output_shape)
    if on_grid:
        copied = np.empty((len(image), *output_shape), dtype=np.float32)
        for window, channel, outside in zip(copied, image, fill, strict=True):
            on_grid.fill(window, channel, outside)
        of_classes = None if classes is None else on_grid.copy(classes, outside_class)
        return copied, on_grid.copy(labels, 0), on_grid.copy(tube, 0), of_classes
    ndim, channels = labels.ndim, len(image)
    lead = 3 - ndim
    # A 2D image is one slice: it shares the kernels of volumes.
    full_matrix = np.eye(3)
    full_matrix[lead:, lead:] = matrix
    full_offset = np.zeros(3)
    full_offset[lead:] = offset
    shape = (1,) * lead + tuple(output_shape)

    def volume(array: Array) -> Array:
        return np.ascontiguousarray(array).reshape((1,) * lead + array.shape)

    sampled = np.empty((channels, *shape), dtype=np.float32)
    sampled_labels, sampled_tube = np.empty(shape, dtype=labels.dtype), np.empty(shape, dtype=tube.dtype)
    # Bytes are read as they are, so that of a mapped volume only what is seen is read.
    kind = np.uint8 if image.dtype == np.uint8 else np.float32
    first, *others = (volume(np.asarray(channel, dtype=kind)) for channel in image)
    lowest = [np.float32(value) for value in fill]
    # One channel is the rule, and is sampled with its labels; what there is besides costs a pass of its own.
    outputs = (sampled[0], sampled_labels, sampled_tube)
    where = (full_matrix, full_offset, bent)
    _sample(first, volume(labels), volume(tube), *where, lowest[0], *outputs)
    for channel, value, output in zip(others, lowest[1:], sampled[1:], strict=True):
        _sample_image(channel, *where, value, output)
    sampled_classes = None
    if classes is not None:
        sampled_classes = np.empty(shape, dtype=classes.dtype)
        outside = classes.dtype.type(outside_class)
        _sample_labels(volume(classes), *where, outside, sampled_classes)
        sampled_classes = sampled_classes.reshape(output_shape)
    return (
        sampled.reshape(channels, *output_shape),
        sampled_labels.reshape(output_shape),
        sampled_tube.reshape(output_shape),
        sampled_classes,
    )


@compiled(nogil=True, inline="always")
def _place(shape, matrix, offset, k, j, i):  # type: ignore[no-untyped-def]
    """Where an output voxel lies in a volume, and whether inside."""
    depth, height, width = shape
    # Rounding must not push the outermost voxels of an unmoved image over its edge.
    slack = 1e-6
    z = matrix[0, 0] * k + matrix[0, 1] * j + matrix[0, 2] * i + offset[0]
    y = matrix[1, 0] * k + matrix[1, 1] * j + matrix[1, 2] * i + offset[1]
    x = matrix[2, 0] * k + matrix[2, 1] * j + matrix[2, 2] * i + offset[2]
    inside = (
        -0.5 - slack <= z < depth - 0.5 + slack
        and -0.5 - slack <= y < height - 0.5 + slack
        and -0.5 - slack <= x < width - 0.5 + slack
    )
    # The half voxel between the outermost centres and the volume's edge takes the outermost values.
    return min(max(z, 0.0), depth - 1.0), min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0), inside


@compiled(nogil=True, inline="always")
def _linear(image, z, y, x):  # type: ignore[no-untyped-def]
    """The value between the voxels around a place inside."""
    depth, height, width = image.shape
    z0, y0, x0 = int(z), int(y), int(x)
    z1, y1, x1 = min(z0 + 1, depth - 1), min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    fz, fy, fx = np.float32(z - z0), np.float32(y - y0), np.float32(x - x0)
    near = (image[z0, y0, x0] * (1 - fx) + image[z0, y0, x1] * fx) * (1 - fy) + (
        image[z0, y1, x0] * (1 - fx) + image[z0, y1, x1] * fx
    ) * fy
    far = (image[z1, y0, x0] * (1 - fx) + image[z1, y0, x1] * fx) * (1 - fy) + (
        image[z1, y1, x0] * (1 - fx) + image[z1, y1, x1] * fx
    ) * fy
    return near * (1 - fz) + far * fz


@compiled(nogil=True)
def _sample(image, labels, tube, matrix, offset, bent, fill, sampled, sampled_labels, sampled_tube):  # type: ignore[no-untyped-def]
    shift = np.zeros((3, sampled.shape[2]))
    for k in range(sampled.shape[0]):
        for j in range(sampled.shape[1]):
            shift_row(bent, k, j, shift)
            for i in range(sampled.shape[2]):
                moved_k, moved_j, moved_i = k + shift[0, i], j + shift[1, i], i + shift[2, i]
                z, y, x, inside = _place(image.shape, matrix, offset, moved_k, moved_j, moved_i)
                if not inside:
                    sampled[k, j, i] = fill
                    sampled_labels[k, j, i] = 0
                    sampled_tube[k, j, i] = 0
                    continue
                sampled[k, j, i] = _linear(image, z, y, x)
                nearest = int(z + 0.5), int(y + 0.5), int(x + 0.5)
                sampled_labels[k, j, i] = labels[nearest]
                sampled_tube[k, j, i] = tube[nearest]


@compiled(nogil=True)
def _sample_image(image, matrix, offset, bent, fill, sampled):  # type: ignore[no-untyped-def]
    shift = np.zeros((3, sampled.shape[2]))
    for k in range(sampled.shape[0]):
        for j in range(sampled.shape[1]):
            shift_row(bent, k, j, shift)
            for i in range(sampled.shape[2]):
                moved_k, moved_j, moved_i = k + shift[0, i], j + shift[1, i], i + shift[2, i]
                z, y, x, inside = _place(image.shape, matrix, offset, moved_k, moved_j, moved_i)
                sampled[k, j, i] = _linear(image, z, y, x) if inside else fill


@compiled(nogil=True)
def _sample_labels(labels, matrix, offset, bent, fill, sampled):  # type: ignore[no-untyped-def]
    shift = np.zeros((3, sampled.shape[2]))
    for k in range(sampled.shape[0]):
        for j in range(sampled.shape[1]):
            shift_row(bent, k, j, shift)
            for i in range(sampled.shape[2]):
                moved_k, moved_j, moved_i = k + shift[0, i], j + shift[1, i], i + shift[2, i]
                z, y, x, inside = _place(labels.shape, matrix, offset, moved_k, moved_j, moved_i)
                sampled[k, j, i] = labels[int(z + 0.5), int(y + 0.5), int(x + 0.5)] if inside else fill

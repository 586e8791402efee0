"""Sampling an image and what is drawn on it under one affine map, in a single pass and without a grid in memory."""

from collections.abc import Sequence

import numpy as np

from ramify.compilation import compiled

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
) -> tuple[Array, Array, Array, Array | None]:
    """Output voxel o takes the input at `matrix @ o + offset`: the image linearly, the rest by the nearest voxel.

    Args:
        image: intensities, (C, *S), 2D or 3D.
        labels: label map, (*S).
        tube: tubed skeleton, (*S).
        matrix: (ndim, ndim), voxels to voxels.
        offset: (ndim,), voxels.
        output_shape: voxels of the output.
        fill: intensity of each channel outside the volume; label and tube there are 0.
        classes: class map, uint8 (*S), or None. outside_class: what it is outside the volume.

    Returns:
        float32 image (C, *output_shape); label map, tube and class map (dtypes as they came) of `output_shape`.
    """
    if not image.shape[1:] == labels.shape == tube.shape:
        raise ValueError(f"image, label map and tube differ in shape: {image.shape}, {labels.shape}, {tube.shape}")
    ndim, channels = labels.ndim, len(image)
    lead = 3 - ndim
    # A 2D image is one slice: it shares the kernel of volumes.
    full_matrix = np.eye(3)
    full_matrix[lead:, lead:] = matrix
    full_offset = np.zeros(3)
    full_offset[lead:] = offset
    shape = (1,) * lead + tuple(output_shape)
    sampled = np.empty((channels, *shape), dtype=np.float32)
    sampled_labels = np.empty(shape, dtype=labels.dtype)
    sampled_tube = np.empty(shape, dtype=tube.dtype)
    # Without classes, nothing is read or written of the map that stands in for theirs.
    class_map = np.zeros((1,) * labels.ndim, np.uint8) if classes is None else classes
    sampled_classes = np.empty((1, 1, 1) if classes is None else shape, dtype=np.uint8)
    _sample(
        np.ascontiguousarray(image, dtype=np.float32).reshape((channels, *(1,) * lead, *labels.shape)),
        np.ascontiguousarray(labels).reshape((1,) * lead + labels.shape),
        np.ascontiguousarray(tube).reshape((1,) * lead + tube.shape),
        np.ascontiguousarray(class_map).reshape((1,) * lead + class_map.shape),
        full_matrix,
        full_offset,
        np.asarray(fill, dtype=np.float32),
        sampled,
        sampled_labels,
        sampled_tube,
        sampled_classes,
        classes is not None,
        np.uint8(outside_class),
    )
    return (
        sampled.reshape(channels, *output_shape),
        sampled_labels.reshape(output_shape),
        sampled_tube.reshape(output_shape),
        None if classes is None else sampled_classes.reshape(output_shape),
    )


@compiled(nogil=True)
def _sample(  # type: ignore[no-untyped-def]
    image,
    labels,
    tube,
    classes,
    matrix,
    offset,
    fill,
    sampled,
    sampled_labels,
    sampled_tube,
    sampled_classes,
    with_classes,
    outside_class,
):
    channels, depth, height, width = image.shape
    # Rounding must not push the outermost voxels of an unmoved image over its edge.
    slack = 1e-6
    for k in range(sampled.shape[1]):
        for j in range(sampled.shape[2]):
            for i in range(sampled.shape[3]):
                z = matrix[0, 0] * k + matrix[0, 1] * j + matrix[0, 2] * i + offset[0]
                y = matrix[1, 0] * k + matrix[1, 1] * j + matrix[1, 2] * i + offset[1]
                x = matrix[2, 0] * k + matrix[2, 1] * j + matrix[2, 2] * i + offset[2]
                inside = (
                    -0.5 - slack <= z < depth - 0.5 + slack
                    and -0.5 - slack <= y < height - 0.5 + slack
                    and -0.5 - slack <= x < width - 0.5 + slack
                )
                if not inside:
                    for c in range(channels):
                        sampled[c, k, j, i] = fill[c]
                    sampled_labels[k, j, i] = 0
                    sampled_tube[k, j, i] = 0
                    if with_classes:
                        sampled_classes[k, j, i] = outside_class
                    continue
                # The half voxel between the outermost centres and the volume's edge takes the outermost values.
                z = min(max(z, 0.0), depth - 1.0)
                y = min(max(y, 0.0), height - 1.0)
                x = min(max(x, 0.0), width - 1.0)
                z0, y0, x0 = int(z), int(y), int(x)
                z1, y1, x1 = min(z0 + 1, depth - 1), min(y0 + 1, height - 1), min(x0 + 1, width - 1)
                fz, fy, fx = np.float32(z - z0), np.float32(y - y0), np.float32(x - x0)
                for c in range(channels):
                    near = (image[c, z0, y0, x0] * (1 - fx) + image[c, z0, y0, x1] * fx) * (1 - fy) + (
                        image[c, z0, y1, x0] * (1 - fx) + image[c, z0, y1, x1] * fx
                    ) * fy
                    far = (image[c, z1, y0, x0] * (1 - fx) + image[c, z1, y0, x1] * fx) * (1 - fy) + (
                        image[c, z1, y1, x0] * (1 - fx) + image[c, z1, y1, x1] * fx
                    ) * fy
                    sampled[c, k, j, i] = near * (1 - fz) + far * fz
                nearest = int(z + 0.5), int(y + 0.5), int(x + 0.5)
                sampled_labels[k, j, i] = labels[nearest]
                sampled_tube[k, j, i] = tube[nearest]
                if with_classes:
                    sampled_classes[k, j, i] = classes[nearest]

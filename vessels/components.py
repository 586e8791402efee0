"""Connected components of a mask: 26-connected in 3D, 8-connected in 2D, as everywhere in this project.

Written here rather than taken from connected-components-3d: its release 4.1.1 numbers background voxels in some planes
(seen with shape (1, 11)) and fails on others, and on a sparse tree this is about as fast.
"""

import numpy as np
from numpy.typing import NDArray

from ramify.compilation import compiled
from ramify.vessels.masks import check_volume
from ramify.vessels.voxel_rows import VoxelRows


def label_components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the components of a mask 1, 2, … in the C order of their first voxels, and count them.

    Args:
        mask: bool (*S), 2D or 3D

    Returns:
        int32 (*S), 0 in the background; and the number of components, 0 for an empty mask.

    Raises:
        ValueError: a mask that is not boolean, or not 2D or 3D.

    Examples:
        >>> import numpy as np
        >>> from ramify.vessels import label_components
        >>> labels, count = label_components(np.array([[1, 0, 1, 1, 0, 1]], bool))
        >>> labels.tolist(), count
        ([[1, 0, 2, 2, 0, 3]], 3)
    """
    check_volume(mask, "mask")
    labels = np.zeros(mask.shape, dtype=np.int32)
    volume = np.ascontiguousarray(mask if mask.ndim == 3 else mask[np.newaxis])
    return labels, _label(volume, labels.reshape(volume.shape))


def components_of(rows: VoxelRows) -> tuple[NDArray[np.int32], int]:
    """As `label_components`, the number of each of some voxels, int32 (N,), and how many components there are."""
    labels, count = _label_rows(rows.columns, rows.starts, rows.rows_in_a_plane)
    return labels, int(count)


def component_sizes(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """How many voxels each component has, (count,), of labels (*S) as `label_components` gives them."""
    sizes = np.zeros(1 + count, dtype=np.int64)
    # Slice by slice, as below: NumPy counts and looks up in 64-bit copies, which of a whole CT would be most of the
    # memory.
    for part in labels:
        sizes += np.bincount(part.ravel(), minlength=1 + count)
    return sizes[1:]


def chosen_components(labels: NDArray[np.int32], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask (*S) of the components that are kept, of labels (*S) and a choice (count,)."""
    with_background = np.concatenate([[False], kept])
    mask = np.empty(labels.shape, dtype=bool)
    for into, part in zip(mask, labels):
        into[...] = with_background[part]
    return mask


@compiled()
def _root(parents: np.ndarray, label: int) -> int:
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = parents[label]
    return label


@compiled()
def _unite(parents: np.ndarray, one: int, other: int) -> None:
    root, other_root = _root(parents, one), _root(parents, other)
    parents[max(root, other_root)] = min(root, other_root)


@compiled()
def _number(parents: np.ndarray, n_provisional: int) -> int:
    """Put the final number in place of each provisional one, counted from 1, and return how many there are."""
    # A parent is never greater than its child, so every number is final before it is asked for.
    count = 0
    for label in range(1, n_provisional + 1):
        if parents[label] == label:
            count += 1
            parents[label] = count
        else:
            parents[label] = parents[parents[label]]
    return count


@compiled()
def _label(mask: np.ndarray, labels: np.ndarray) -> int:
    """Label a 3D mask in two passes: provisional numbers with a union-find over them, then the final ones."""
    parents = np.zeros(1024, dtype=np.int32)
    n_provisional = 0
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            for x in range(mask.shape[2]):
                if not mask[z, y, x]:
                    continue
                label = labels[z, y, x - 1] if x > 0 else 0
                # Where the voxel to the left is foreground, it has met all but the neighbours to the right before.
                first = x + 1 if label else max(x - 1, 0)
                for other_z in range(max(z - 1, 0), z + 1):
                    for other_y in range(max(y - 1, 0), y if other_z == z else min(y + 2, mask.shape[1])):
                        for other_x in range(first, min(x + 2, mask.shape[2])):
                            other = labels[other_z, other_y, other_x]
                            if other == 0 or other == label:
                                continue
                            if label == 0:
                                label = other
                                continue
                            _unite(parents, label, other)
                if label == 0:
                    n_provisional += 1
                    label = n_provisional
                    if label == parents.size:
                        larger = np.zeros(2 * parents.size, dtype=np.int32)
                        larger[: parents.size] = parents
                        parents = larger
                    parents[label] = label
                labels[z, y, x] = label
    count: int = _number(parents, n_provisional)
    flat = labels.reshape(-1)
    for i in range(flat.size):
        if flat[i]:
            flat[i] = parents[flat[i]]
    return count


@compiled()
def _label_rows(columns: np.ndarray, starts: np.ndarray, height: int) -> tuple[np.ndarray, int]:
    """Number the runs of voxels in all rows, unite those that touch, and number what they make."""
    labels = np.empty(columns.size, dtype=np.int32)
    parents = np.zeros(columns.size + 1, dtype=np.int32)
    n_runs = 0
    for row in range(starts.size - 1):
        first, last = starts[row], starts[row + 1]
        for i in range(first, last):
            if i == first or columns[i] != columns[i - 1] + 1:
                n_runs += 1
                parents[n_runs] = n_runs
            labels[i] = n_runs
        y = row % height
        for above in range(2):
            for other_y in range(max(y - 1, 0), min(y + 2, height) if above else y):
                other = row - above * height - y + other_y
                if other < 0:
                    continue
                j, end = starts[other], starts[other + 1]
                for i in range(first, last):
                    while j < end and columns[j] < columns[i] - 1:
                        j += 1
                    k = j
                    while k < end and columns[k] <= columns[i] + 1:
                        _unite(parents, labels[i], labels[k])
                        k += 1
    count = _number(parents, n_runs)
    for i in range(labels.size):
        labels[i] = parents[labels[i]]
    return labels, count

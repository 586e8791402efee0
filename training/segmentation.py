"""From probabilities to a class map, and from a class map to the masks that are scored."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ramify.data.case_store import Case
from ramify.data.large_arrays import slabs, zeros
from ramify.models import outputs
from ramify.tasks.class_table import IGNORED
from ramify.tasks.formulation import VESSELS, Tasks
from ramify.training.inference import VESSEL_PROBABILITY

ClassMap = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def class_map_of(probabilities: NDArray[np.float32], tasks: Tasks) -> ClassMap:
    """The class of each voxel by number, uint8 (*S), 0 background.

    Args:
        probabilities: (C, *S) of `tasks.segmented`.
        tasks: of the network. Classes exclude one another, and the likeliest is taken, background among them. Regions
            are found one by one, from a probability of a half, and a later one is written over an earlier one. Vessels
            alone, found likewise, are of the first class of vessels.
    """
    found = np.empty(probabilities.shape[1:], dtype=np.uint8)
    for rows in slabs(found, probabilities, row_bytes=probabilities[:, :1].nbytes):
        part = probabilities[:, rows]
        if tasks.asked == "classes":
            background = 1.0 - part.sum(axis=0, keepdims=True)
            found[rows] = np.argmax(np.concatenate((background, part)), axis=0)
        else:
            found[rows] = overlaid([own >= VESSEL_PROBABILITY for own in part], tasks)
    return found


def overlaid(masks: Sequence[Mask], tasks: Tasks) -> ClassMap:
    """The class of each voxel by number, uint8 (*S), of the mask (*S) of each region, or of that of vessels.

    A later region is written over an earlier one; vessels are of the first class of vessels.
    """
    found = np.zeros(masks[0].shape, dtype=np.uint8)
    for name, mask in zip(tasks.segmented, masks, strict=True):
        found[mask] = tasks.table.number_of_region(name) if tasks.asked == "regions" else tasks.table.vessels[0]
    return found


def in_values(class_map: ClassMap, values: Sequence[int]) -> NDArray[np.integer]:
    """A class map (*S) in the values that a label map has, of the smallest type of whole numbers that holds them.

    values: of background, and of class 1, 2, …
    """
    of_numbers = np.array(values)
    labels: NDArray[np.integer] = _looked_up(class_map, of_numbers.astype(np.min_scalar_type(of_numbers.max())))
    return labels


def _looked_up(class_map: ClassMap, of_numbers: NDArray[Any]) -> NDArray[Any]:
    """What stands for each number of a class map (*S) in a table, (*S) of the table's type."""
    found = np.empty(class_map.shape, dtype=of_numbers.dtype)
    # NumPy looks up by a copy of 64 bits a number.
    for rows in slabs(found, row_bytes=8 * class_map[:1].size):
        found[rows] = of_numbers[class_map[rows]]
    return found


def _is_one_of(class_map: ClassMap, numbers: Sequence[int]) -> Mask:
    """Where a class map (*S) has one of these numbers, bool (*S)."""
    of_numbers = np.zeros(1 + np.iinfo(np.uint8).max, dtype=bool)
    of_numbers[list(numbers)] = True
    return _looked_up(class_map, of_numbers)


def any_vessel(probabilities: NDArray[np.float32], tasks: Tasks) -> NDArray[np.float32]:
    """Probability of any vessel, float32 (*S), from those (C, *S) of `tasks.segmented`; see `task_probabilities`."""
    if not tasks.tells_apart:
        alone: NDArray[np.float32] = probabilities[0]
        return alone
    vessels: NDArray[np.float32] = zeros(probabilities.shape[1:], np.float32)
    for rows in slabs(vessels, probabilities, row_bytes=probabilities[:, :1].nbytes):
        vessels[rows] = outputs.any_vessel(torch.from_numpy(probabilities[:, rows])[None], tasks)[0, 0].numpy()
    return vessels


def true_class_map(case: Case) -> ClassMap:
    """The class of each voxel of a prepared case by number, uint8 (*S); IGNORED where nobody knows."""
    class_map = case.class_map
    return (np.asarray(case.arrays["scales"]) > 0).astype(np.uint8) if class_map is None else np.asarray(class_map)


def vessels_of(class_map: ClassMap, tasks: Tasks) -> Mask:
    """Where a vessel of whichever class is, bool (*S)."""
    return _is_one_of(class_map, tasks.table.vessels)


def masks_of(class_map: ClassMap, tasks: Tasks) -> Mapping[str, Mask]:
    """Where each of `tasks.segmented` is, bool (*S) each."""
    if not tasks.tells_apart:
        return {VESSELS: vessels_of(class_map, tasks)}
    return {name: _is_one_of(class_map, tasks.table.numbers_of(name)) for name in tasks.segmented}


def known(class_map: ClassMap) -> Mask | None:
    """Where the truth is known, bool (*S); None where it is everywhere."""
    ignored: Mask = class_map == IGNORED
    return ~ignored if ignored.any() else None

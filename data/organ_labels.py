"""The organ in a label map: with the vessels that lie in it where these are known, else with a word on its holes."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ramify.data.formats.slicer import read_segments
from ramify.data.image_source import ImageSource
from ramify.data.label_names import ANY, names_by_number
from ramify.data.labelled_file import Choice, LabelledFile
from ramify.data.large_arrays import slabs
from ramify.data.volume import Volume

ENCLOSED = 0.6
"""A label that has the organ behind more than this part of its surface lies in it: of vessels with their trunks nearly
all, of what lies beside an organ, such as a gall bladder, about half at the most."""
OPTION = "--organ-labels"
AS_TRAINED = "is part of it, as the vessels were in the training; to leave it out, give the organ as a mask of its own"
"""Ends the note on vessels that were added."""


def organ_mask(file: LabelledFile, labels: Sequence[str], inside: Choice | None = None) -> Volume:
    """The organ of a file, bool, with labels that are known to lie in it.

    Args:
        file: a plain mask, a label map or a segmentation of 3D Slicer.
        labels: which of its labels or segments are the organ; none for a plain mask.
        inside: the labels that lie in it, such as its vessels, see `LabelledFile.with_inside`. None: nobody knows, and
            it is noted which other labels of the map lie in holes of the organ.

    Raises ValueError or OSError that names the file, as `LabelledFile.choose` and `mask`.
    """
    choice = file.choose(labels, "organ", OPTION)
    if choice is None or choice == [ANY]:
        return file.mask(choice, "organ", OPTION)
    mask = file.mask(file.with_inside(choice, inside or ()), "organ", OPTION)
    if inside is not None or not mask.array.any():
        return mask
    numbers, organ, names = _numbered(file, choice)
    if not (holes := enclosed(numbers, organ)):
        return mask
    words = shlex.join([*map(str, labels or choice), *(names.get(label, str(label)) for label in holes)])
    told = ", ".join(names[label] if file.segments else _told(label, names) for label in holes)
    several = len(holes) > 1
    note = (
        f"label{'s' * several} {told} of {file.path.name} lie"
        f"{'s' * (not several)} in it and {'are' if several else 'is'} left out; to have vessels and all else that "
        f"belongs to it in it, give {OPTION} {words}"
    )
    return replace(mask, notes=(*mask.notes, note))


def vessels_by_training(file: LabelledFile, labels: Sequence[str], training: ImageSource) -> tuple[Choice | None, str]:
    """Which labels of an organ's file are vessels that its training counted as part of the organ, and a note on them.

    By their names, where training and file have names for them. By number where the labels that are chosen were the
    training's organ, which had its vessels in the same map. None where neither says.

    Raises ValueError or OSError that names the file, as `LabelledFile.choose`.
    """
    choice = file.choose(labels, "organ", OPTION)
    if choice is None or choice == [ANY]:
        return None, ""
    inside = _vessels_by_name(file, training)
    if inside is None:
        inside = _vessels_by_number(choice, training)
    if not inside:
        return None, ""
    added = file.with_inside(choice, inside)[len(choice) :]
    if not added or not (file.segments or np.isin(file.label_map.array, added).any()):
        return (), ""
    names = {} if file.segments else names_by_number(file.looked_up.names)
    return added, f"label {', '.join(_told(label, names) for label in added)} {AS_TRAINED}"


def _vessels_by_name(file: LabelledFile, training: ImageSource) -> Choice | None:
    """The labels of a file that are called as the training's vessels; None where one of both has no names."""
    vessels = {*training.vessel_labels}
    called = {name.casefold() for name, ids in training.labels.items() if vessels.issuperset(ids)}
    called |= {one.casefold() for one in vessels if isinstance(one, str)}
    if file.segments:
        return [one.name for one in file.segments if one.name.casefold() in called]
    names = file.looked_up.names
    if not (called and names):
        return None
    return [label for name, ids in names.items() if name.casefold() in called for label in ids]


def _vessels_by_number(organ: Choice, training: ImageSource) -> Choice:
    """The vessels in the training's organ, where labels are that organ, with its vessels or without them.

    Other numbers mean something else in another program's maps.
    """
    whole, vessels = {*training.organ_labels}, {*training.vessel_labels}
    return [*(whole & vessels)] if {*organ} == whole or {*organ} <= whole - vessels else []


def enclosed(labels: NDArray[np.integer], organ: Collection[int]) -> tuple[int, ...]:
    """The labels of a map (*S) that lie in an organ: more of their surface has it behind than has nothing.

    organ: its labels.

    Examples:
        >>> import numpy as np
        >>> from ramify.data.organ_labels import enclosed
        >>> enclosed(np.array([[1, 1, 1, 0, 0], [1, 2, 1, 0, 0], [1, 1, 1, 7, 7]]), organ=[1])
        (2,)
    """
    surface: dict[int, list[int]] = {}
    for one, other in _faces(labels):
        behind = np.isin(other, [*organ])
        # What touches another label still is neither.
        for inside, where in ((0, other == 0), (1, behind)):
            found, counts = np.unique(one[where], return_counts=True)
            for label, count in zip(found.tolist(), counts.tolist(), strict=True):
                surface.setdefault(label, [0, 0])[inside] += count
    return tuple(
        sorted(
            label
            for label, (bare, within) in surface.items()
            if label not in (0, *organ) and within > ENCLOSED * (bare + within)
        )
    )


def _faces(labels: NDArray[np.integer]) -> Iterator[tuple[NDArray[np.integer], NDArray[np.integer]]]:
    """The labels on both sides of all faces between voxels that differ, from either side."""
    for axis in range(labels.ndim):
        for rows in slabs(labels):
            # The last row of a slab has its neighbour in the next one.
            part = np.moveaxis(labels[rows.start : rows.stop + (axis == 0)], axis, 0)
            differ = part[1:] != part[:-1]
            before, after = part[:-1][differ], part[1:][differ]
            yield before, after
            yield after, before


def _told(label: int | str, names: Mapping[int, str]) -> str:
    return f"{label} ({names[label]})" if isinstance(label, int) and label in names else str(label)


def _numbered(file: LabelledFile, organ: Choice) -> tuple[NDArray[np.integer], list[int], dict[int, str]]:
    """Of a file the label map, which of its labels are the organ, and what they are called.

    Of segments, the organ is 1, and those of its layers, which it excludes, follow.
    """
    if not file.segments:
        organs = [label for label in organ if isinstance(label, int)]
        return file.label_map.array, organs, names_by_number(file.looked_up.names)
    chosen = {str(name).casefold() for name in organ}
    layers = {one.layer for one in file.segments if one.name.casefold() in chosen}
    beside = [one.name for one in file.segments if one.layer in layers and one.name.casefold() not in chosen]
    masks = read_segments(file.path, [[str(name) for name in organ], *([name] for name in beside)])
    labels = np.zeros(masks[0].shape, np.int32)
    for number, mask in enumerate(masks, 1):
        labels[mask.array] = number
    return labels, [1], dict(enumerate(beside, 2))

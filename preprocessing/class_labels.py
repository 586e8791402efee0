"""What a training learns of a case whose labels have classes: each tree taken apart by itself, all on one grid.

Where the trees of two classes touch, neither has a junction with the other: a class is decomposed, thinned and given
its tube as if it were alone. On the prepared grid the classes share their voxels without a gap or an overlap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ramify.data.raw_case import RawCase
from ramify.preprocessing.ceiling import Ceiling, costs, measure_ceiling
from ramify.preprocessing.drawn_vessels import DrawnVessels, analyse_drawn, sharing_thresholds
from ramify.preprocessing.grid import Grid
from ramify.preprocessing.vessel_labels import VesselLabels, label_vessels, nothing_left, without_vessels
from ramify.tasks.class_table import IGNORED
from ramify.vessels.scale_settings import ScaleSettings

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CaseLabels:
    """The labels of a case on its prepared grid, (*S), cut to the organ if so wished.

    Attributes:
        vessels: of all classes that are vessels.
        class_map: uint8, as `tasks.class_table` has it; None where vessels are all there is.
        ceiling: what a perfect mask of all vessels scores, None without vessels.
        ceilings: the same of each class of vessels that has some, by name; none where vessels are all there is.
        doubts: what asks for a look at the case.
    """

    vessels: VesselLabels
    class_map: NDArray[np.uint8] | None
    ceiling: Ceiling | None
    ceilings: Mapping[str, Ceiling]
    doubts: tuple[str, ...]


def label_case(
    raw: RawCase, region: Mask | None, organ: Mask | None, grid: Grid, scales: ScaleSettings, tube_radius: int
) -> CaseLabels:
    """The vessels and classes of a case as labels on its prepared grid.

    Args:
        raw: the case.
        region: what vessels and classes are cut to, bool (*native S); None: nothing is cut.
        organ: the same on the prepared grid, bool (*S).
        grid: leads there.
        scales: how vessels are decomposed.
        tube_radius: of the tubed skeleton, prepared voxels.

    Raises:
        ValueError: there are vessels, and none is left on the prepared grid.
    """
    if raw.classes is not None:
        return _of_classes(raw, raw.classes.array, region, organ, grid, scales, tube_radius)
    drawn = analyse_drawn(raw.vessels.array, region, grid, scales)
    labels = label_vessels(raw.vessels.array, drawn, organ, grid, scales, tube_radius)
    if not drawn.wanted.any():
        return CaseLabels(labels, None, None, {}, ())
    ceiling = measure_ceiling(labels.mask, drawn, grid, scales)
    return CaseLabels(labels, None, ceiling, {}, tuple(costs(ceiling)))


def _of_classes(
    raw: RawCase,
    classes: NDArray[np.uint8],
    region: Mask | None,
    organ: Mask | None,
    grid: Grid,
    scales: ScaleSettings,
    tube_radius: int,
) -> CaseLabels:
    names = {number: raw.table.names[number - 1] for number in raw.table.vessels}
    whole_map = grid.classes_to_prepared(classes)
    # Nobody knows what lies in ignored voxels, outside the organ either.
    class_map = whole_map if organ is None else whole_map * (organ | (whole_map == IGNORED))

    drawn, shared_notes = _drawn(classes, names, region, grid, scales)
    labels = {
        number: label_vessels(classes == number, its, organ, grid, scales, tube_radius, whole_map == number)
        for number, its in drawn.items()
        if np.any(class_map == number)
    }
    if drawn and not labels:
        raise nothing_left(sum(int(np.count_nonzero(its.wanted)) for its in drawn.values()), grid)
    vanished = [
        f"class {names[number]}: none of its {np.count_nonzero(its.wanted)} voxels is left on the prepared grid"
        for number, its in drawn.items()
        if number not in labels
    ]

    ceilings = {names[number]: measure_ceiling(labels[number].mask, drawn[number], grid, scales) for number in labels}
    joined = _joined([(names[number], labels.get(number)) for number in names], shared_notes, grid, scales)
    ceiling = next(iter(ceilings.values()), None)
    if len(ceilings) > 1:
        ceiling = measure_ceiling(joined.mask, analyse_drawn(raw.vessels.array, region, grid, scales), grid, scales)
    several = len(ceilings) > 1
    dear = [f"class {name}: {line}" if several else line for name, its in ceilings.items() for line in costs(its)]
    return CaseLabels(joined, class_map, ceiling, ceilings, (*vanished, *dear))


def _drawn(
    classes: NDArray[np.uint8], names: Mapping[int, str], region: Mask | None, grid: Grid, scales: ScaleSettings
) -> tuple[dict[int, DrawnVessels], tuple[str, ...]]:
    """The vessels of each class that has some that count, by number, and notes on the thresholds that they share."""
    drawn = {}
    for number in names:
        mask = classes == number
        if np.any(mask if region is None else mask & region):
            drawn[number] = analyse_drawn(mask, region, grid, scales)
    return sharing_thresholds(drawn, scales)


def _joined(
    of_classes: Sequence[tuple[str, VesselLabels | None]], notes: Sequence[str], grid: Grid, scales: ScaleSettings
) -> VesselLabels:
    """The labels of all classes of vessels as one, by name and in order; None: of one that the case lacks."""
    joined, count = without_vessels(grid, scales), 0
    there = [(name, labels) for name, labels in of_classes if labels is not None]
    for _, labels in there:
        # No voxel is of two classes.
        for whole, part in (
            (joined.mask, labels.mask),
            (joined.scale_map, labels.scale_map),
            (joined.skeleton, labels.skeleton),
            (joined.tubed_skeleton, labels.tubed_skeleton),
        ):
            whole |= part
        joined.branches[labels.mask] = labels.branches[labels.mask] + count
        count += len(labels.description["radii_mm"])

    described = {name: (joined if labels is None else labels).description for name, labels in of_classes}
    if not there:
        return joined
    by_scale = ("native_voxels", "native_branches", "voxels", "branches")
    several = len(of_classes) > 1
    thresholds = [its.description["thresholds_mm"] for _, its in there]
    description: dict[str, Any] = {
        "estimator": scales.estimator,
        "count": scales.n_scales,
        "shared_thresholds": scales.shared_thresholds,
        # Of several classes with their own, none holds for all.
        "thresholds_mm": thresholds[0] if scales.shared_thresholds or not several else [],
        **{key: np.sum([its[key] for its in described.values()], axis=0).tolist() for key in by_scale},
        "radii_mm": [radius for _, its in there for radius in its.description["radii_mm"]],
        "notes": [
            *notes,
            *(f"class {name}: {note}" if several else note for name, its in there for note in its.description["notes"]),
        ],
        "classes": [
            {"name": name, "thresholds_mm": its["thresholds_mm"], **{key: its[key] for key in by_scale}}
            for name, its in described.items()
        ],
    }
    return replace(joined, description=description)


def count_classes(raw: RawCase, region: Mask | None, class_map: NDArray[np.uint8] | None) -> dict[str, Any]:
    """How many voxels each class has, as plain data for the case's record; empty where vessels are all there is.

    region: bool (*native S), what is cut to. class_map: the prepared one.
    """
    if raw.classes is None or class_map is None:
        return {}
    native, prepared = _counts(raw.classes.array), _counts(class_map)
    inside = native if region is None else _counts(raw.classes.array, region)

    def counts(number: int) -> dict[str, int]:
        return {
            "native_voxels": int(native[number]),
            "native_voxels_inside": int(inside[number]),
            "voxels": int(prepared[number]),
        }

    of_classes = [{"name": name, **counts(number)} for number, name in enumerate(raw.table.names, 1)]
    return {"class_voxels": of_classes, "ignored_voxels": counts(IGNORED)}


def _counts(classes: NDArray[np.uint8], region: Mask | None = None) -> NDArray[np.int64]:
    """Voxels of each number of a class map, (256,), in a region or everywhere."""
    counts = np.zeros(IGNORED + 1, dtype=np.int64)
    # Slice by slice: NumPy counts in 64-bit copies, which of a whole CT would be most of the memory.
    for number, part in enumerate(classes):
        counts += np.bincount((part if region is None else part[region[number]]).ravel(), minlength=IGNORED + 1)
    return counts

"""What preprocess.py is to do with a data set: crop, voxel size and grey values, from its fingerprint.

The rules stand in docs/planning.md.
"""

import math
import re
from collections.abc import Collection, Sequence

import numpy as np

from ramify.planning.choices import Choice, by_axis, is_named
from ramify.planning.fingerprint import ChannelGreys, Fingerprint, median_greys
from ramify.planning.voxel_size import (
    LEAST_VOXELS,
    RESOLVED_VOXELS,
    VoxelSize,
    choose_voxel_size,
    measured,
    voxel_sizes,
)

CROP, SPACING, SIZE = (f"preprocessing.grid.{name}" for name in ("crop", "spacing_mm", "size"))
INTENSITY, CHANNELS = "preprocessing.intensity", "preprocessing.channels"
LEAST_LEFT_OUT = 0.2
"""Of the voxels: what a crop must spare to be worth it."""
AIR_HU = -500.0
"""Values below are of CT alone: air."""
ROUND_HU = 10
_CT = re.compile(r"(^|[^a-z])cta?([^a-z]|$)", re.IGNORECASE)


def plan_preparation(fingerprint: Fingerprint, named: Collection[str] = ()) -> list[Choice]:
    """What is chosen, each with why.

    Args:
        fingerprint: of the data set.
        named: settings by dotted keys that a file or a flag gives; they stay.
    """
    return [*_crop(fingerprint, named), *_spacing(fingerprint, named), *_greys(fingerprint, named)]


def alternatives(fingerprint: Fingerprint, spacing_mm: Sequence[float] | None = None) -> list[str]:
    """A line for each voxel size that was compared: what share of the vessels is too thin for it.

    spacing_mm: another one, that was given.
    """
    sizes = [*([measured(fingerprint, spacing_mm)] if spacing_mm else ()), *voxel_sizes(fingerprint)]
    return [f"voxels:   {by_axis(size.spacing_mm)} mm: {_cost(size)}" for size in sizes]


def _crop(fingerprint: Fingerprint, named: Collection[str]) -> list[Choice]:
    if is_named(CROP, named):
        return []
    cases = list(fingerprint.cases.values())
    if not all(case.has_organ for case in cases):
        without = sum(not case.has_organ for case in cases)
        return [Choice(CROP, "volume", f"{without} of {len(cases)} cases have no organ mask to crop to")]
    left_out = float(np.median([1 - math.prod(case.box) / math.prod(case.shape) for case in cases]))
    crop = "organ" if left_out >= LEAST_LEFT_OUT else "volume"
    return [Choice(CROP, crop, f"the organ's box leaves out {100 * left_out:.0f} % of the voxels")]


def _spacing(fingerprint: Fingerprint, named: Collection[str]) -> list[Choice]:
    if is_named(SPACING, named) or is_named(SIZE, named):
        return []
    sizes = voxel_sizes(fingerprint)
    chosen = choose_voxel_size(sizes)
    if chosen is sizes[0]:
        nearest = next((size for size in sizes[1:] if not size.holds), None)
        finer = "" if nearest is None else f"; of {by_axis(nearest.spacing_mm)} mm, {_cost(nearest)}"
        if (fingerprint.spacings_mm == fingerprint.spacings_mm[0]).all():
            return [Choice(SPACING, None, f"as all cases were acquired: {_cost(chosen)}{finer}")]
        return [Choice(SPACING, chosen.spacing_mm, f"the median of the cases: {_cost(chosen)}{finer}")]
    return [
        Choice(SPACING, chosen.spacing_mm, f"coarser than acquired ({by_axis(sizes[0].spacing_mm)}): {_cost(chosen)}")
    ]


def _cost(size: VoxelSize) -> str:
    return (
        f"{100 * size.below:.1f} % of vessel length is thinner than {LEAST_VOXELS:g} voxels, "
        f"{100 * size.unresolved:.0f} % than {RESOLVED_VOXELS:g}"
    )


def _greys(fingerprint: Fingerprint, named: Collection[str]) -> list[Choice]:
    if is_named(INTENSITY, named) or is_named(CHANNELS, named):
        return []
    names = list(next(iter(fingerprint.cases.values())).channels)
    rules = {name: _rule(name, [case.channels[name] for case in fingerprint.cases.values()]) for name in names}
    if len(names) == 1 or all(rule[0]["method"] == "percentile" for rule in rules.values()):
        rule, why = rules[names[0]]
        return [Choice(f"{INTENSITY}.{key}", value, why) for key, value in rule.items()]
    whys = "; ".join(f"{name}: {why}" for name, (_, why) in rules.items())
    return [Choice(CHANNELS, {name: rule for name, (rule, _) in rules.items()}, whys)]


def _rule(name: str, of_cases: Sequence[ChannelGreys]) -> tuple[dict[str, object], str]:
    """How a channel's grey values are scaled, and why."""
    is_ct = bool(_CT.search(name)) or all(its.lowest <= AIR_HU for its in of_cases)
    there = [its for its in of_cases if its.vessels is not None]
    if not is_ct or not there:
        return {"method": "percentile"}, "grey values without a unit: bounds from each image"
    vessels = median_greys([its.vessels for its in there]).percentiles
    low, high = vessels[0], vessels[-1]
    if all(its.around is not None for its in there):
        around = median_greys([its.around for its in there]).percentiles
        low, high = min(low, around[0]), max(high, around[-1])
        whose = "vessels and of the organ around them"
    else:
        low, high = 2 * low - high, 2 * high - low
        whose = "vessels, with as much room below and above"
    window = (float(math.floor(low / ROUND_HU) * ROUND_HU), float(math.ceil(high / ROUND_HU) * ROUND_HU))
    return {"method": "window", "window": window}, f"CT: 99 % of the grey values of {whose}"

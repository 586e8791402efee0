"""The ladder of plans for some prepared cases: each asks more of a machine than the one before, and none has a smaller
patch. The rules stand in docs/planning.md."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ramify.planning.choices import by_axis
from ramify.planning.fingerprint import mean_side
from ramify.planning.given import BATCH, CHANNELS, LEVELS, PATCH, given_halvings, rounded
from ramify.planning.pooling import LEAST_SIDE
from ramify.planning.step_cost import NetworkForm, NetworkSize

FIRST_EDGE = {2: 64, 3: 32}
"""Edge of the smallest patch, in voxels of the mean side."""
GROWTH = 2 ** (1 / 12)
CHANNELS_FROM = {2: ((0, 8), (128, 16), (512, 32)), 3: ((0, 8), (64, 16))}
"""Channels at full resolution by the edge of the patch from which on they are taken."""
CHANNELS_OF_WHOLE = 32
"""Where a patch is as large as the median case."""
LEAST_BATCH, MOST_BATCH = {2: 4, 3: 2}, 16
MOST_SHARE = 0.05
"""Of the voxels of all cases, what a batch may hold beyond the least one."""


class Prepared(NamedTuple):
    """Prepared cases: voxels of each, and their median spacing in mm."""

    shapes: Sequence[tuple[int, ...]]
    spacing_mm: tuple[float, ...]

    @property
    def median_shape(self) -> tuple[int, ...]:
        """Voxels of a median case."""
        return tuple(int(side) for side in np.median(self.shapes, axis=0))


class Rung(NamedTuple):
    """A plan, one of the ladder; patch None: whole cases of `size` voxels."""

    patch: tuple[int, ...] | None
    size: tuple[int, ...]
    batch: int
    network: NetworkSize


def ladder_of(cases: Prepared, form: NetworkForm, given: Mapping[str, Any]) -> Iterator[Rung]:
    """Plans, each with no smaller patch, batch and network than the one before, around what is given."""
    ndim, batch = form.ndim, given.get(BATCH) or LEAST_BATCH[form.ndim]
    before: Rung | None = None
    for patch, size, halvings, edge, is_whole in _patches(cases, given):
        if PATCH in given and patch is None and BATCH not in given and len(set(cases.shapes)) > 1:
            batch = 1  # Whole cases of several sizes share no batch.
        for channels in _channels(edge, is_whole, ndim, given):
            if before is not None and channels < before.network.base_channels:
                continue
            rung = Rung(patch, size, batch, NetworkSize(channels, halvings))
            if rung != before:
                yield rung
            before = rung
    assert before is not None, "there is one patch at least"
    if BATCH in given or before.patch is None:
        return
    voxels = sum(math.prod(shape) for shape in cases.shapes)
    for more in range(batch + 2, MOST_BATCH + 1, 2):
        if more * math.prod(before.size) > MOST_SHARE * voxels:
            return
        yield before._replace(batch=more)


def _patches(
    cases: Prepared, given: Mapping[str, Any]
) -> Iterator[tuple[tuple[int, ...] | None, tuple[int, ...], tuple[int, ...], float, bool]]:
    """Patches that grow, as long in mm along all axes until the median case ends: each as it is set, its voxels, how
    often its axes are halved, its edge, and whether it is as large as the median case."""
    spacing, ndim = cases.spacing_mm, len(cases.spacing_mm)
    if PATCH in given:
        patch = given[PATCH]
        whole = tuple(max(shape[axis] for shape in cases.shapes) for axis in range(ndim))
        size = tuple(patch) if patch is not None else whole
        halvings = _room_for(size, spacing, given, exactly=patch is not None)
        if patch is None:
            size = rounded(size, halvings, up=True)
        edge = math.prod(size) ** (1 / ndim)
        yield patch, size, halvings, edge, patch is None or all(a >= b for a, b in zip(size, cases.median_shape))
        return
    median, side, edge = cases.median_shape, mean_side(spacing), float(FIRST_EDGE[ndim])
    before = (0,) * ndim
    is_whole = False
    while not is_whole:
        wanted = [max(1, round(edge * side / each)) for each in spacing]
        room = tuple(min(most, each) for most, each in zip(median, wanted))
        is_whole = room == median
        halvings = _room_for(room, spacing, given)
        patch = rounded(room, halvings)
        if patch != before and all(a >= b for a, b in zip(patch, before)):
            yield patch, patch, halvings, edge, is_whole
            before = patch
        elif is_whole:
            # The same voxels, which are all that the median case has.
            yield before, before, _room_for(before, spacing, given), edge, True
        edge *= GROWTH


def _room_for(
    size: Sequence[int], spacing_mm: Sequence[float], given: Mapping[str, Any], *, exactly: bool = False
) -> tuple[int, ...]:
    """How often each axis is halved, one of them at least once."""
    halvings = given_halvings(size, spacing_mm, given, exactly=exactly)
    if not max(halvings):
        raise ValueError(
            f"--auto: {by_axis(size)} voxels of a case are too few to be halved, which a network does at least once, "
            f"from edges of {2 * LEAST_SIDE} voxels on; prepare finer voxels, or give --{LEVELS} 1"
        )
    return halvings


def _channels(edge: float, is_whole: bool, ndim: int, given: Mapping[str, Any]) -> list[int]:
    """Of a patch: those that it is taken with, rising; the last ones are what a larger patch goes on with."""
    if given.get(CHANNELS) is not None:
        return [given[CHANNELS]]
    steps = CHANNELS_FROM[ndim]
    if is_whole:
        return [*(channels for _, channels in steps), *([CHANNELS_OF_WHOLE] * (steps[-1][1] < CHANNELS_OF_WHOLE))]
    return [channels for least, channels in steps if edge >= least]

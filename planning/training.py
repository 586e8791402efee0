"""What train.py is to do on prepared cases: patch, batch, levels, pooling and channels, for the memory of a machine.

One ladder of plans, each asking more of the machine than the one before and none with a smaller patch: the last one
that fits is taken. So a larger machine never gets a smaller patch. The rules stand in docs/planning.md.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ramify.planning.choices import Choice
from ramify.planning.fingerprint import mean_side
from ramify.planning.machine import GB, Machine
from ramify.planning.pooling import halvings_of
from ramify.planning.step_cost import KEPT, NetworkForm, NetworkSize, memory_of, products_of

PATCH, BATCH = "loading.patch_size", "loading.batch_size"
LEVELS, POOLING, CHANNELS = "model.levels", "model.pooling", "model.base_channels"
KEYS = (PATCH, BATCH, LEVELS, POOLING, CHANNELS)
"""What is planned."""
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


@dataclass(frozen=True)
class TrainingPlan:
    """What was chosen, each with why; what a step takes by the model of memory, and what it may take, in bytes."""

    choices: tuple[Choice, ...]
    patch_size: tuple[int, ...] | None
    batch_size: int
    network: NetworkSize
    memory: float
    products: float
    budget: float


def plan_training(
    cases: Prepared, machine: Machine, form: NetworkForm, given: Mapping[str, Any] | None = None
) -> TrainingPlan:
    """A plan for a machine.

    Args:
        cases: what is trained on.
        machine: where.
        form: of the network.
        given: settings among KEYS that are to stay as they are; the others are chosen around them.

    Raises ValueError for a network that is not planned, given levels and pooling that differ, and where nothing fits.

    Examples:
        >>> from ramify.planning.machine import Machine
        >>> from ramify.planning.step_cost import NetworkForm
        >>> from ramify.planning.training import Prepared, plan_training
        >>> cases = Prepared([(150, 200, 220)] * 20, (1.6, 0.8, 0.8))
        >>> plan = plan_training(cases, Machine(11e9), NetworkForm("resunet", 3, decoders=4, outputs=4))
        >>> plan.batch_size, plan.memory < plan.budget
        (2, True)
    """
    given = dict(given or {})
    if form.family not in KEPT:
        raise ValueError(
            f"--auto: network {form.family} cannot be planned, {' and '.join(KEPT)} can; choose one of these, or "
            "leave --auto out"
        )
    ladder = list(_ladder(cases, form, given))
    fitting = [rung for rung in ladder if _fits(rung, machine, form)]
    if not fitting:
        least = _memory(ladder[0], machine, form)
        raise ValueError(
            f"--auto: the least plan takes {least / GB:.1f} GB, and {machine.described()} leaves a step "
            f"{machine.budget / GB:.1f} GB; give a smaller patch, batch or network, or a larger --device-memory"
        )
    chosen = fitting[-1]
    above = ladder.index(chosen) + 1
    following = ladder[above] if above < len(ladder) else None
    return TrainingPlan(
        choices=tuple(_choices(chosen, following, cases, machine, form, given)),
        patch_size=chosen.patch,
        batch_size=chosen.batch,
        network=chosen.network,
        memory=_memory(chosen, machine, form),
        products=products_of(form, chosen.network, chosen.size, chosen.batch),
        budget=machine.budget,
    )


def _ladder(cases: Prepared, form: NetworkForm, given: Mapping[str, Any]) -> Iterator[Rung]:
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
        halvings = _halvings(size, spacing, given, exactly=patch is not None)
        if patch is None:
            size = _rounded(size, halvings, up=True)
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
        halvings = _halvings(room, spacing, given)
        patch = _rounded(room, halvings)
        if patch != before and all(a >= b for a, b in zip(patch, before)):
            yield patch, patch, halvings, edge, is_whole
            before = patch
        elif is_whole:
            # The same voxels, which are all that the median case has.
            yield before, before, _halvings(before, spacing, given), edge, True
        edge *= GROWTH


def _halvings(
    size: Sequence[int], spacing_mm: Sequence[float], given: Mapping[str, Any], *, exactly: bool = False
) -> tuple[int, ...]:
    """As they are given, or as the size has room for; exactly: of a size that stays."""
    if given.get(POOLING) is not None:
        return tuple(given[POOLING])
    # Every axis at every level, as it was given.
    spacing = [1.0] * len(size) if POOLING in given else spacing_mm
    return halvings_of(size, spacing, given.get(LEVELS), exactly=exactly)


def _rounded(size: Sequence[int], halvings: Sequence[int], *, up: bool = False) -> tuple[int, ...]:
    """A size that can be halved so often: the next smaller one, and one multiple at least, or the next larger one."""
    multiples = [2**each for each in halvings]
    if up:
        return tuple(-(-side // multiple) * multiple for side, multiple in zip(size, multiples))
    return tuple(max(1, side // multiple) * multiple for side, multiple in zip(size, multiples))


def _channels(edge: float, is_whole: bool, ndim: int, given: Mapping[str, Any]) -> list[int]:
    """Of a patch: those that it is taken with, rising; the last ones are what a larger patch goes on with."""
    if given.get(CHANNELS) is not None:
        return [given[CHANNELS]]
    steps = CHANNELS_FROM[ndim]
    if is_whole:
        return [*(channels for _, channels in steps), *([CHANNELS_OF_WHOLE] * (steps[-1][1] < CHANNELS_OF_WHOLE))]
    return [channels for least, channels in steps if edge >= least]


def _fits(rung: Rung, machine: Machine, form: NetworkForm) -> bool:
    most = machine.most_products
    within = most is None or products_of(form, rung.network, rung.size, rung.batch) <= most
    return within and _memory(rung, machine, form) <= machine.budget


def _memory(rung: Rung, machine: Machine, form: NetworkForm) -> float:
    return memory_of(form, rung.network, rung.size, rung.batch, half=machine.is_gpu and machine.half)


def _choices(
    rung: Rung, following: Rung | None, cases: Prepared, machine: Machine, form: NetworkForm, given: Mapping[str, Any]
) -> Iterator[Choice]:
    memory = _memory(rung, machine, form)
    if PATCH not in given:
        extent = _by(round(side * each) for side, each in zip(rung.size, cases.spacing_mm))
        yield Choice(PATCH, rung.patch, f"{extent} mm of a median case of {_by(cases.median_shape)} voxels")
    if BATCH not in given:
        yield Choice(BATCH, rung.batch, _why_batch(rung, cases))
    halvings = rung.network.halvings
    if LEVELS not in given:
        sides = _by(side // 2**each for side, each in zip(rung.size, halvings))
        yield Choice(LEVELS, rung.network.levels, f"{sides} voxels are left at the coarsest")
    if POOLING not in given:
        even = len(set(halvings)) == 1
        spacing = f"voxels of {_by(cases.spacing_mm)} mm"
        why = f"{spacing} are about cubes" if even else f"{spacing}: long sides, and short axes, are halved less often"
        yield Choice(POOLING, None if even else halvings, why)
    if CHANNELS not in given:
        yield Choice(CHANNELS, rung.network.base_channels, _why_channels(rung, following, memory, machine, form))


def _why_batch(rung: Rung, cases: Prepared) -> str:
    if rung.patch is None:
        return "whole cases of several sizes share no batch" if rung.batch == 1 else "whole cases of one size"
    if rung.batch <= LEAST_BATCH[len(rung.size)]:
        return "the least; memory goes to patch and channels first"
    share = rung.batch * math.prod(rung.size) / sum(math.prod(shape) for shape in cases.shapes)
    return f"memory is left, and {100 * share:.1f} % of all voxels are in a batch"


def _why_channels(rung: Rung, following: Rung | None, memory: float, machine: Machine, form: NetworkForm) -> str:
    takes = f"a step takes about {memory / GB:.2g} GB; {machine.described()} leaves {machine.budget / GB:.2g} GB for it"
    if following is None:
        return f"{takes}; nothing larger is worth it"
    most = machine.most_products
    if most is not None and products_of(form, following.network, following.size, following.batch) > most:
        return f"{takes}; more would take longer than is bearable on a CPU"
    return f"{takes}, the next larger plan {_memory(following, machine, form) / GB:.2g} GB"


def _by(lengths: Any) -> str:
    return " x ".join(f"{length:g}" for length in lengths)

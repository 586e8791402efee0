"""What train.py is to do on prepared cases: patch, batch, levels, pooling and channels, for the memory of a machine.

One ladder of plans, each asking more of the machine than the one before and none with a smaller patch: the last one
that fits is taken. So a larger machine never gets a smaller patch. The rules stand in docs/planning.md.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ramify.planning.choices import Choice, written
from ramify.planning.fingerprint import mean_side
from ramify.planning.given import (
    BATCH,
    CHANNELS,
    KEYS,
    LEVELS,
    PATCH,
    POOLING,
    better_patch,
    check_given,
    given_halvings,
    rounded,
)
from ramify.planning.machine import BEARABLE_SECONDS, Machine, amount
from ramify.planning.pooling import LEAST_SIDE
from ramify.planning.step_cost import KEPT, NetworkForm, NetworkSize, memory_of, products_of

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
            given: settings among `given.KEYS` that are to stay as they are; the others are chosen around them.

        Raises ValueError for a network that is not planned, what is given and fits no network, and where nothing fits.

        Examples:
            >>> from ramify.planning.machine import Machine
            >>> from ramify.planning.pooling import LEAST_SIDE
    from ramify.planning.step_cost import NetworkForm
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
    check_given(given, cases.spacing_mm)
    ladder = list(_ladder(cases, form, given))
    fitting = [rung for rung in ladder if _fits(rung, machine, form)]
    if not fitting:
        raise ValueError(f"--auto: {_why_nothing_fits(ladder[0], cases, machine, form, given)}")
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
            f"--auto: {_by(size)} voxels of a case are too few to be halved, which a network does at least once, from "
            f"edges of {2 * LEAST_SIDE} voxels on; prepare finer voxels, or give --{LEVELS} 1"
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


def _fits(rung: Rung, machine: Machine, form: NetworkForm) -> bool:
    most = machine.most_products
    within = most is None or products_of(form, rung.network, rung.size, rung.batch) <= most
    return within and _memory(rung, machine, form) <= machine.budget


def _memory(rung: Rung, machine: Machine, form: NetworkForm) -> float:
    return memory_of(form, rung.network, rung.size, rung.batch, half=machine.is_gpu and machine.half)


def _why_nothing_fits(
    least: Rung, cases: Prepared, machine: Machine, form: NetworkForm, given: Mapping[str, Any]
) -> str:
    """Of the least plan, with what would do."""
    memory, most = _memory(least, machine, form), machine.most_products
    plan = f"the least plan (patch {_by(least.size)}, {least.batch} a batch, {least.network.base_channels} channels)"
    if memory > machine.budget:
        leaves = f"leaves a step {amount(machine.budget)}, as {machine.reserve}"
        reason, larger = f"takes {amount(memory)}, and {machine.described()} {leaves}", "or a larger --device-memory"
    else:
        seconds = products_of(form, least.network, least.size, least.batch) / (most or math.inf) * BEARABLE_SECONDS
        reason = (
            f"takes about {seconds:.0f} s a step on {machine.described()}, where {BEARABLE_SECONDS:g} s are bearable"
        )
        larger = "train on a GPU, or leave --auto out"
    if PATCH not in given and (too_deep := _too_deep(least, cases, given)):
        return f"{too_deep}; {plan} {reason}"
    return f"{plan} {reason}; give a smaller patch, batch or network than that, {larger}"


def _too_deep(rung: Rung, cases: Prepared, given: Mapping[str, Any]) -> str | None:
    """What is wrong with given halvings that make a chosen patch larger than the median case; None: nothing."""
    median, halvings = cases.median_shape, rung.network.halvings
    key = next((key for key in (POOLING, LEVELS) if given.get(key) is not None), None)
    if key is None or all(2**each <= side for each, side in zip(halvings, median)):
        return None
    needs = f"{key} {written(given[key])} asks for edges of at least {_by(2**each for each in halvings)} voxels"
    most = max(given_halvings(median, cases.spacing_mm, {}), default=0)
    return f"{needs}, and a median case has {_by(median)}; give --{LEVELS} {max(1, most)}, or leave it out"


def _choices(
    rung: Rung, following: Rung | None, cases: Prepared, machine: Machine, form: NetworkForm, given: Mapping[str, Any]
) -> Iterator[Choice]:
    if PATCH not in given:
        extent = _by(round(side * each) for side, each in zip(rung.size, cases.spacing_mm))
        too_deep = _too_deep(rung, cases, given)
        why = f"{extent} mm of a median case of {_by(cases.median_shape)} voxels"
        yield Choice(PATCH, rung.patch, f"{why}; {too_deep}" if too_deep else why)
    if BATCH not in given:
        yield Choice(BATCH, rung.batch, _why_batch(rung, cases))
    halvings = rung.network.halvings
    if LEVELS not in given:
        yield Choice(LEVELS, rung.network.levels, _why_levels(rung, cases, given))
    if POOLING not in given:
        even = len(set(halvings)) == 1
        spacing = f"voxels of {_by(cases.spacing_mm)} mm"
        why = f"{spacing} are about cubes" if even else f"{spacing}: long sides, and short axes, are halved less often"
        if given.get(PATCH) is not None and not even:
            why = f"{spacing}: long sides, short axes, and edges that are odd sooner are halved less often"
        yield Choice(POOLING, None if even else halvings, why)
    if CHANNELS not in given:
        yield Choice(CHANNELS, rung.network.base_channels, _why_channels(rung, following, machine, form, given))


def _why_levels(rung: Rung, cases: Prepared, given: Mapping[str, Any]) -> str:
    halvings = rung.network.halvings
    why = f"{_by(side // 2**each for side, each in zip(rung.size, halvings))} voxels are left at the coarsest"
    if given.get(PATCH) is None or given.get(POOLING) is not None:
        return why
    better, could = better_patch(rung.size, cases.spacing_mm)
    if max(could) <= rung.network.levels:
        return why
    return (
        f"{why}, and odd edges are not halved; --loading.patch-size {written(better)} would be halved "
        f"{_by(could)} times, for a network that sees farther"
    )


def _why_batch(rung: Rung, cases: Prepared) -> str:
    if rung.patch is None:
        return "whole cases of several sizes share no batch" if rung.batch == 1 else "whole cases of one size"
    if rung.batch <= LEAST_BATCH[len(rung.size)]:
        return "the least; memory goes to patch and channels first"
    share = rung.batch * math.prod(rung.size) / sum(math.prod(shape) for shape in cases.shapes)
    return f"memory is left, and {100 * share:.1f} % of all voxels are in a batch"


def _why_channels(
    rung: Rung, following: Rung | None, machine: Machine, form: NetworkForm, given: Mapping[str, Any]
) -> str:
    step, left = amount(_memory(rung, machine, form)), amount(machine.budget)
    takes = f"a step takes about {step}; {machine.described()} leaves {left} for it"
    if following is None:
        around = f" beside what is given ({', '.join(key for key in KEYS if key in given)})" if given else ""
        return f"{takes}; nothing larger is worth it{around}"
    most = machine.most_products
    if most is not None and products_of(form, following.network, following.size, following.batch) > most:
        return f"{takes}; more would take longer than is bearable on a CPU"
    return f"{takes}, the next larger plan {amount(_memory(following, machine, form))}"


def _by(lengths: Any) -> str:
    return " x ".join(f"{length:g}" for length in lengths)

"""What train.py is to do on prepared cases: patch, batch, levels, pooling and channels, for the memory of a machine.

Of the ladder of plans (`planning.ladder`) the last one that fits is taken. So a larger machine never gets a smaller
patch. The rules stand in docs/planning.md.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ramify.planning.choices import Choice, by_axis, written
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
)
from ramify.planning.ladder import LEAST_BATCH, Prepared, Rung, ladder_of
from ramify.planning.machine import BEARABLE_SECONDS, Machine, amount
from ramify.planning.step_cost import KEPT, NetworkForm, NetworkSize, memory_of, products_of


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
        >>> from ramify.planning.ladder import Prepared
        >>> from ramify.planning.machine import Machine
        >>> from ramify.planning.step_cost import NetworkForm
        >>> from ramify.planning.training import plan_training
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
    ladder = list(ladder_of(cases, form, given))
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
        products=_products(chosen, form),
        budget=machine.budget,
    )


def _fits(rung: Rung, machine: Machine, form: NetworkForm) -> bool:
    most = machine.most_products
    within = most is None or _products(rung, form) <= most
    return within and _memory(rung, machine, form) <= machine.budget


def _memory(rung: Rung, machine: Machine, form: NetworkForm) -> float:
    return memory_of(form, rung.network, rung.size, rung.batch, half=machine.is_gpu and machine.half)


def _products(rung: Rung, form: NetworkForm) -> float:
    return products_of(form, rung.network, rung.size, rung.batch)


def _why_nothing_fits(
    least: Rung, cases: Prepared, machine: Machine, form: NetworkForm, given: Mapping[str, Any]
) -> str:
    """Of the least plan, with what would do."""
    memory, most = _memory(least, machine, form), machine.most_products
    plan = (
        f"the least plan (patch {by_axis(least.size)}, {least.batch} a batch, {least.network.base_channels} channels)"
    )
    if memory > machine.budget:
        leaves = f"leaves a step {amount(machine.budget)}, as {machine.reserve}"
        reason, larger = f"takes {amount(memory)}, and {machine.described()} {leaves}", "or a larger --device-memory"
    else:
        seconds = _products(least, form) / (most or math.inf) * BEARABLE_SECONDS
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
    needs = f"{key} {written(given[key])} asks for edges of at least {by_axis(2**each for each in halvings)} voxels"
    most = max(given_halvings(median, cases.spacing_mm, {}), default=0)
    return f"{needs}, and a median case has {by_axis(median)}; give --{LEVELS} {max(1, most)}, or leave it out"


def _choices(
    rung: Rung, following: Rung | None, cases: Prepared, machine: Machine, form: NetworkForm, given: Mapping[str, Any]
) -> Iterator[Choice]:
    if PATCH not in given:
        extent = by_axis(round(side * each) for side, each in zip(rung.size, cases.spacing_mm))
        too_deep = _too_deep(rung, cases, given)
        why = f"{extent} mm of a median case of {by_axis(cases.median_shape)} voxels"
        yield Choice(PATCH, rung.patch, f"{why}; {too_deep}" if too_deep else why)
    if BATCH not in given:
        yield Choice(BATCH, rung.batch, _why_batch(rung, cases))
    halvings = rung.network.halvings
    if LEVELS not in given:
        yield Choice(LEVELS, rung.network.levels, _why_levels(rung, cases, given))
    if POOLING not in given:
        even = len(set(halvings)) == 1
        spacing = f"voxels of {by_axis(cases.spacing_mm)} mm"
        why = f"{spacing} are about cubes" if even else f"{spacing}: long sides, and short axes, are halved less often"
        if given.get(PATCH) is not None and not even:
            why = f"{spacing}: long sides, short axes, and edges that are odd sooner are halved less often"
        yield Choice(POOLING, None if even else halvings, why)
    if CHANNELS not in given:
        yield Choice(CHANNELS, rung.network.base_channels, _why_channels(rung, following, machine, form, given))


def _why_levels(rung: Rung, cases: Prepared, given: Mapping[str, Any]) -> str:
    halvings = rung.network.halvings
    why = f"{by_axis(side // 2**each for side, each in zip(rung.size, halvings))} voxels are left at the coarsest"
    if given.get(PATCH) is None or given.get(POOLING) is not None:
        return why
    better, could = better_patch(rung.size, cases.spacing_mm)
    if max(could) <= rung.network.levels:
        return why
    return (
        f"{why}, and odd edges are not halved; --loading.patch-size {written(better)} would be halved "
        f"{by_axis(could)} times, for a network that sees farther"
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
    if most is not None and _products(following, form) > most:
        return f"{takes}; more would take longer than is bearable on a CPU"
    return f"{takes}, the next larger plan {amount(_memory(following, machine, form))}"

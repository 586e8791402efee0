"""A training as its cases and the machine ask for it: settings with what `--auto` chose in them."""

import os
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch

from ramify.data.case_store import class_table_of, count_scales, open_store, read_record
from ramify.planning.choices import Choice, applied, is_named, written
from ramify.planning.given import BATCH, CHANNELS, KEYS, LEVELS, PATCH, POOLING
from ramify.planning.ladder import Prepared
from ramify.planning.machine import CPU_GB, GB, Machine, amount
from ramify.planning.step_cost import KEPT, NetworkForm, NetworkSize, memory_of
from ramify.planning.training import plan_training
from ramify.tasks.formulation import Tasks
from ramify.training.device import choose_device
from ramify.training.names import DeviceName
from ramify.training.other_folds import other_folds
from ramify.training.run_folder import folder_of
from ramify.training.settings import RunSettings


def planned(
    settings: RunSettings, named: Collection[str], device_memory: float | None = None
) -> tuple[RunSettings, list[Choice]]:
    """The settings with what is chosen in them, and that.

    Args:
        settings: of the training.
        named: settings by dotted keys that a file or a flag gives; they stay, and the others are chosen around them.
        device_memory: GB of the machine that is planned for; None: this one's.

    A training that is gone on with keeps what was chosen when it began, and one of a run with other folds what these
    have, since they predict together.

    Raises ValueError or OSError where the store cannot be read, the network cannot be planned, nothing fits, or what is
    named is not what another fold has.
    """
    folder = folder_of(settings)
    choices = folder.read_plan() if settings.resume and folder.checkpoint("latest").exists() else None
    if choices is None:
        cases, form = prepared_cases(settings), form_of(settings)
        machine = machine_of(settings.device, settings.train.precision == "float32", device_memory)
        given = _given(settings, named, form.ndim)
        choices = as_other_folds(settings, given, machine, form)
        choices = list(plan_training(cases, machine, form, given).choices) if choices is None else choices
    choices = [choice for choice in choices if not is_named(choice.key, named)]
    return applied(settings, choices), choices


def as_other_folds(
    settings: RunSettings, given: Mapping[str, Any], machine: Machine, form: NetworkForm
) -> list[Choice] | None:
    """What another fold of the run has, whatever the machine; None where there is none.

    Raises ValueError where what is given, or the network, is another one.
    """
    # What cannot be planned is refused by the plan.
    if form.family not in KEPT or not (others := other_folds(settings)):
        return None
    folder, its = others[0]
    name, has = folder.root.name, _given(its, KEYS, form.ndim)
    asked = {"model.network": settings.model.network, **given}
    for key, value in asked.items():
        if value != (before := {"model.network": its.model.network, **has}[key]):
            raise ValueError(
                f"--auto: {key} {written(value)}: {name} of {settings.output} has {written(before)}, and the folds of "
                "a run are trained alike, as they predict together; give what that has, or choose another --output"
            )
    why = f"as {name} of this run has it"
    first = (
        f"{why}, whatever the machine; another --output gets a plan of its own{_where_too_large(has, machine, form)}"
    )
    choices = [Choice(key, has[key], why) for key in KEYS if key not in given]
    return [choice._replace(why=why if number else first) for number, choice in enumerate(choices)]


def _where_too_large(has: Mapping[str, Any], machine: Machine, form: NetworkForm) -> str:
    """That a step takes more than the machine leaves; nothing where it does not, or takes whole cases."""
    if has[PATCH] is None:
        return ""
    size = NetworkSize(has[CHANNELS], has[POOLING] or (has[LEVELS],) * form.ndim)
    memory = memory_of(form, size, has[PATCH], has[BATCH], half=machine.is_gpu and machine.half)
    if memory <= machine.budget:
        return ""
    return f"; a step takes about {amount(memory)}, and {machine.described()} leaves {amount(machine.budget)}"


def prepared_cases(settings: RunSettings) -> Prepared:
    """All cases of the store: those of other folds are of the same kind, and every fold gets one plan."""
    records = [read_record(settings.cases, case_id) for case_id in open_store(settings.cases)]
    median = np.median([record["spacing_mm"] for record in records], axis=0)
    return Prepared([tuple(record["shape"]) for record in records], tuple(median.tolist()))


def form_of(settings: RunSettings) -> NetworkForm:
    """What the network is on the cases, but for its size."""
    store = settings.cases
    record = read_record(store, open_store(store)[0])
    tasks = Tasks.of(settings.model.tasks, count_scales(store), class_table_of(store))
    decoders = 1 + len(tasks.auxiliary) if settings.model.family == "resunet" else 1
    channels = len(record.get("channels", ("image",)))
    return NetworkForm(settings.model.family, len(record["shape"]), channels, decoders, tasks.n_channels)


def machine_of(device: DeviceName, in_float32: bool = False, memory_gb: float | None = None) -> Machine:
    """The machine that is planned for: a GPU of so many GB, or this one.

    Raises ValueError where this machine lacks the device.
    """
    if memory_gb is not None and device != "cpu":
        return Machine(memory_gb * GB, half=not in_float32)
    found = choose_device(device)
    if found.type == "cuda":
        return Machine(float(torch.cuda.get_device_properties(found).total_memory), half=not in_float32)
    if found.type == "mps":
        return Machine(_memory() / 2, half=False)
    memory = min(CPU_GB * GB, _memory() / 2) if memory_gb is None else memory_gb * GB
    return Machine(memory, torch.get_num_threads(), half=False)


def _memory() -> float:
    """Of this machine in bytes; where the system does not tell, as much as a training on the CPU asks for."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return 2 * CPU_GB * GB


def _given(settings: RunSettings, named: Collection[str], ndim: int) -> dict[str, Any]:
    """What stays, by its key; where the source's own sizes are asked for, these."""
    levels, base_channels = settings.model.sizes(ndim)
    values = {
        PATCH: settings.loading.patch_size,
        BATCH: settings.loading.batch_size,
        LEVELS: levels,
        POOLING: settings.model.pooling,
        CHANNELS: base_channels,
    }
    return {key: values[key] for key in KEYS if is_named(key, named)}

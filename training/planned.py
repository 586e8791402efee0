"""A training as its cases and the machine ask for it: settings with what `--auto` chose in them."""

import os
from collections.abc import Collection, Sequence
from typing import Any

import torch

from ramify.data.case_store import class_table_of, count_scales, open_store, read_record
from ramify.planning.choices import Choice, applied, is_named
from ramify.planning.given import CHANNELS, KEYS, LEVELS
from ramify.planning.machine import CPU_GB, GB, Machine
from ramify.planning.step_cost import NetworkForm
from ramify.planning.training import Prepared, plan_training
from ramify.tasks.formulation import Tasks
from ramify.training.device import choose_device
from ramify.training.names import DeviceName
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

    A training that is gone on with keeps what was chosen when it began.

    Raises ValueError or OSError where the store cannot be read, the network cannot be planned, or nothing fits.
    """
    folder = folder_of(settings)
    choices = folder.read_plan() if settings.resume and folder.checkpoint("latest").exists() else None
    if choices is None:
        cases, form = prepared_cases(settings), form_of(settings)
        machine = machine_of(settings.device, settings.train.precision == "float32", device_memory)
        plan = plan_training(cases, machine, form, _given(settings, named, form.ndim))
        choices = list(plan.choices)
    choices = [choice for choice in choices if not is_named(choice.key, named)]
    return applied(settings, choices), choices


def prepared_cases(settings: RunSettings) -> Prepared:
    """All cases of the store: those of other folds are of the same kind, and every fold gets one plan."""
    records = [read_record(settings.cases, case_id) for case_id in open_store(settings.cases)]
    spacings: Sequence[Sequence[float]] = [record["spacing_mm"] for record in records]
    median = tuple(sorted(sides)[len(sides) // 2] for sides in zip(*spacings, strict=True))
    return Prepared([tuple(record["shape"]) for record in records], median)


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
        "loading.patch_size": settings.loading.patch_size,
        "loading.batch_size": settings.loading.batch_size,
        LEVELS: levels,
        "model.pooling": settings.model.pooling,
        CHANNELS: base_channels,
    }
    return {key: values[key] for key in KEYS if is_named(key, named)}

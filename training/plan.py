"""What a training is going to be, in lines to be read before its first step."""

import platform
from contextlib import nullcontext
from pathlib import Path

import torch

from ramify.data.augmentations.in_words import augmentations_in_words
from ramify.data.loading import TrainingBatches
from ramify.models.build import build_inference_network
from ramify.models.network import Network
from ramify.models.networks import NETWORKS
from ramify.planning.choices import by_axis
from ramify.training.device import choose_workers
from ramify.training.settings import RunSettings, TrainSettings
from ramify.training.start import start_line
from ramify.training.state import Training
from ramify.training.validation import is_due

_CPU_INFO = Path("/proc/cpuinfo")


def plan_of(training: Training, batches: TrainingBatches) -> list[str]:
    """Device, cases, samples, their augmentation, network, what it starts from, what is frozen and how weights are
    moved where that was chosen, validation and output, a line each."""
    return [
        f"device:      {_device(training)}",
        f"cases:       {_cases(training)}",
        f"samples:     {_samples(training, len(batches))}",
        f"augmented:   {_augmented(training.settings)}",
        f"network:     {_network(training)}",
        *_beginning(training),
        *_updates(training.settings.train, len(batches)),
        f"validation:  {_validation(training)}",
        f"output:      {training.folder.root}",
    ]


def validations_left(settings: RunSettings, epoch: int) -> int:
    """How many validations there are from an epoch on."""
    return sum(is_due(settings, each) for each in range(epoch, settings.train.epochs))


def _device(training: Training) -> str:
    device, precision = training.runner.device, str(training.runner.dtype).removeprefix("torch.")
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        name = f"cuda, {properties.name} of {properties.total_memory / 1e9:.0f} GB"
    else:
        name = device.type + (f", {cpu}" if device.type == "cpu" and (cpu := _cpu_name()) else "")
    workers = choose_workers(training.settings.loading.workers, device)
    loading = f", {counted(workers, 'loader process', 'loader processes')}" if workers else ""
    told = f"{name}; {precision}, {counted(torch.get_num_threads(), 'thread')}{loading}"
    return told + (f"; {training.ranks.world} such processes train together" if training.ranks.world > 1 else "")


def _cpu_name() -> str:
    """The processor's name, as Linux has it; empty where it is not told."""
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _cases(training: Training) -> str:
    settings, prepared = training.settings, training.description["prepared"]
    train, held_out = len(training.train_cases), len(training.validation_cases)
    fold = "the same to validate" if settings.fold == "all" else f"{held_out} to validate (fold {settings.fold})"
    channels, scales = len(training.description["channels"]), training.description["network"]["scales"]
    shape, spacing = by_axis(prepared["shape"]), by_axis(round(length, 3) for length in prepared["spacing_mm"])
    holds = f"{counted(channels, 'channel')}, {counted(scales, 'scale')}, median {shape} voxels of {spacing} mm"
    return f"{train} to train on, {fold}; {holds}"


def _samples(training: Training, steps: int) -> str:
    settings = training.settings
    patch, size = settings.loading.patch_size, settings.loading.batch_size
    what = "whole volumes" if patch is None else f"patches of {by_axis(patch)} voxels"
    epochs = f"{counted(settings.train.epochs, 'epoch')} of {counted(steps, 'step')}"
    done = [counted(training.epoch, "epoch")] * bool(training.epoch) + [counted(training.step, "step")] * bool(
        training.step
    )
    return f"{what}, {size} a batch; {epochs}" + (f", {' and '.join(done)} done" if done else "")


def _augmented(settings: RunSettings) -> str:
    """Which augmentations are on."""
    if not settings.train.augment:
        return "by nothing (train.augment is off)"
    return "; ".join(augmentations_in_words(settings.augmentation)) or "by nothing"


def _network(training: Training) -> str:
    model, network = training.settings.model, training.network
    levels, _ = model.sizes(network.ndim)
    every, inference = (_parameters(each) for each in (network, _inference_network(training)))
    deep = f" of {counted(levels, 'level')}" if levels else ""
    size = f"{model.network}{deep} in {network.ndim}D"
    needed = "all" if every == inference else f"{inference:,}"
    return f"{size}; {every:,} parameters, {needed} of them for inference"


def _beginning(training: Training) -> list[str]:
    """Whose weights it began with, and what is frozen now."""
    train, start = training.settings.train, training.start
    lines = [f"start:       {start_line(start)}"] if start else []
    if training.epoch < train.freeze_epochs:
        parts, later = ", ".join(train.freeze), "; later steps take longer" * (train.freeze_epochs < train.epochs)
        lines.append(f"frozen:      {parts} for the first {train.freeze_epochs} of {train.epochs} epochs{later}")
    return lines


def _updates(train: TrainSettings, steps: int) -> list[str]:
    """What was chosen of the updates of the weights; steps: of an epoch."""
    told = [f"sgd, momentum {train.momentum:g}"] if train.optimiser == "sgd" else []
    if train.warm_up_epochs:
        told.append(f"a warm-up of {counted(train.warm_up_epochs, 'epoch')}")
    if train.accumulate > 1:
        batches = f"{train.accumulate} batches" if train.accumulate < steps else f"all {steps} batches of an epoch"
        told.append(f"{batches} an update")
    if train.average is not None:
        told.append(f"their mean of decay {train.average:g} is validated and kept")
    if train.compile:
        told.append("compiled, which the first step waits for")
    return [f"updates:     {'; '.join(told)}"] if told else []


def _inference_network(training: Training) -> Network:
    """What inference needs of the network, by its shapes; nothing is drawn for it from the training's generator."""
    shape, table = training.description["network"], training.runner.tasks.table
    shapes_alone = NETWORKS[training.settings.model.family].without_memory
    with torch.random.fork_rng(devices=[]), torch.device("meta") if shapes_alone else nullcontext():
        return build_inference_network(
            training.settings.model, shape["in_channels"], shape["scales"], shape["ndim"], table
        )


def _parameters(network: Network) -> int:
    return sum(weight.numel() for weight in network.parameters())


def _validation(training: Training) -> str:
    settings = training.settings
    window = settings.inference.window or settings.loading.patch_size
    how = "whole volumes" if window is None else f"windows of {by_axis(window)} voxels"
    every = "every epoch" if settings.validation.every == 1 else f"every {settings.validation.every} epochs"
    left = counted(validations_left(settings, training.epoch), "time")
    patience = settings.validation.patience
    ends = "" if patience is None else f"; over after {patience} without a better one"
    return f"{every}, {left}, in {how}; the best by {settings.validation.best_by}{ends}"


def counted(number: int, thing: str, things: str = "") -> str:
    """So many of a thing, in words.

    Examples:
        >>> from ramify.training.plan import counted
        >>> counted(1, "case"), counted(2, "process", "processes")
        ('1 case', '2 processes')
    """
    return f"{number} {thing if number == 1 else things or thing + 's'}"

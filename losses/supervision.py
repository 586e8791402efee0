"""What each task is supervised by: its weight, its terms, and its channels held against its part of the truth."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ramify.losses.cross_entropy import balanced_weight
from ramify.losses.settings import LossSettings
from ramify.losses.terms import TERMS, SupervisedTask
from ramify.losses.truth import Truth
from ramify.tasks.formulation import Task, Tasks


class WeightedTask(NamedTuple):
    """A task with its part in the objective."""

    task: Task
    weight: float
    """1 of the main task, λ_s of a scale's."""
    terms: Mapping[str, float]
    """Its terms by name, with their weights."""
    class_weights: tuple[float, ...]
    """Of its classes in the cross-entropy; before them the background's, where they are exclusive."""


def weighted_tasks(settings: LossSettings, tasks: Tasks, label_voxels: Sequence[int] | None) -> list[WeightedTask]:
    """The main task, and each auxiliary one that counts (Sadikine et al. 2023, Eq. 9).

    label_voxels: as of `class_weights`. Raises ValueError where the settings do not fit the number of scales.
    """
    lambdas = settings.scale_weights(len(tasks.auxiliary)) if tasks.auxiliary else ()
    parts = [(tasks.main, 1.0, settings.main)]
    parts += [(task, weight, settings.auxiliary) for task, weight in zip(tasks.auxiliary, lambdas)]
    return [
        WeightedTask(task, weight, terms, class_weights(settings, task, tasks.n_scales, label_voxels))
        for task, weight, terms in parts
        if weight
    ]


def class_weights(
    settings: LossSettings, task: Task, n_scales: int, label_voxels: Sequence[int] | None
) -> tuple[float, ...]:
    """Weight of a voxel of each class of a task in the cross-entropy, the background's 1 first where it is a class.

    Args:
        settings: a number holds for every class; "auto" takes `balanced_weight` of each class.
        task: whose classes are weighted.
        n_scales: number of scales S.
        label_voxels: how often each label 0 … S occurs in the training fold.
    """
    if settings.foreground_weight != "auto":
        weights = [float(settings.foreground_weight)] * len(task.classes)
    elif label_voxels is None or len(label_voxels) != 1 + n_scales:
        got = "none" if label_voxels is None else len(label_voxels)
        raise ValueError(
            f"label_voxels: foreground_weight 'auto' needs {1 + n_scales} counts (background, {n_scales} scales), "
            f"got {got}"
        )
    else:
        foregrounds = (sum(label_voxels[label] for label in labels) for labels in task.classes)
        weights = [balanced_weight(foreground, sum(label_voxels)) for foreground in foregrounds]
    return (1.0, *weights) if task.exclusive else tuple(weights)


def objective_of(
    weighted: WeightedTask,
    logits: Tensor,
    settings: LossSettings,
    truth: Truth,
    generator: torch.Generator | None,
    terms: dict[str, Tensor],
) -> Tensor:
    """A task's share of the objective; each of its terms is put into `terms` as "task/term".

    logits: of its own channels, (B, K, *S).
    """
    task = supervised(weighted, logits, truth, generator)
    total = logits.new_zeros(())
    for name, weight in weighted.terms.items():
        if weight:
            terms[f"{task.name}/{name}"] = value = TERMS[name].compute(task, settings.of_term(name))
            total = total + weighted.weight * weight * value
    return total


def supervised(
    weighted: WeightedTask, logits: Tensor, truth: Truth, generator: torch.Generator | None
) -> SupervisedTask:
    """A task's own logits (B, K, *S) beside its part of the truth: all that its terms may look at."""
    task, scale_map = weighted.task, truth.scale_map
    masks = torch.stack([_mask(scale_map, labels) for labels in task.classes], dim=1)
    probabilities = torch.softmax(logits, dim=1)[:, 1:] if task.exclusive else torch.sigmoid(logits)
    return SupervisedTask(
        task.name,
        logits,
        probabilities,
        masks.to(logits.dtype),
        weighted.class_weights,
        exclusive_labels=scale_map if task.exclusive else None,
        scale_map=scale_map,
        scale_labels=tuple(label for labels in task.classes if len(labels) > 1 for label in labels),
        vessel_tube=truth.tubed_skeleton,
        spacing_mm=truth.spacing_mm,
        generator=generator,
    )


def _mask(scale_map: Tensor, labels: range) -> Tensor:
    """Where the label is one of these, bool."""
    if len(labels) == 1:
        return scale_map == labels.start
    return (scale_map >= labels.start) & (scale_map < labels.stop)

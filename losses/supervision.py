"""What each task is supervised by: its weight, its terms, and its channels held against its part of the truth."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ramify.losses.cross_entropy import balanced_weight
from ramify.losses.settings import LossSettings
from ramify.losses.terms import TERMS, SupervisedTask
from ramify.losses.truth import CoarserTruth, Truth
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
    truth: Truth | CoarserTruth,
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
    weighted: WeightedTask, logits: Tensor, truth: Truth | CoarserTruth, generator: torch.Generator | None
) -> SupervisedTask:
    """A task's own logits (B, K, *S) beside its part of the truth: all that its terms may look at."""
    task = weighted.task
    if task.exclusive:
        labels = truth.exclusive_labels(len(task.classes))
        masks = [labels == only.start for only in task.classes]
    else:
        labels, masks = None, [truth.mask(labels) for labels in task.classes]
    return SupervisedTask(
        task.name,
        logits,
        torch.softmax(logits, dim=1)[:, 1:] if task.exclusive else torch.sigmoid(logits),
        torch.stack(masks, dim=1).to(logits.dtype),
        weighted.class_weights,
        exclusive_labels=labels,
        truth=truth,
        classes=task.classes,
        generator=generator,
    )

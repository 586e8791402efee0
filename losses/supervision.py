"""What each task is supervised by: its weight, its terms, and its channels held against its part of the truth."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from ramify.losses.cross_entropy import balanced_weight
from ramify.losses.settings import LossSettings
from ramify.losses.terms import TERMS, SupervisedTask
from ramify.losses.truth import CoarserTruth, Truth
from ramify.losses.value_checks import with_value_checks
from ramify.tasks.formulation import Task, Tasks
from ramify.tasks.members import VoxelCounts


class WeightedTask(NamedTuple):
    """A task with its part in the objective."""

    task: Task
    n_scales: int
    """Number of scales S of the labels."""
    weight: float
    """1 of the main task, λ_s of a scale's."""
    terms: Mapping[str, float]
    """Its terms by name, with their weights."""
    class_weights: tuple[float, ...]
    """Of its classes in the cross-entropy; before them the background's, where they are exclusive."""


def weighted_tasks(settings: LossSettings, tasks: Tasks, counts: VoxelCounts | None) -> list[WeightedTask]:
    """The main task, and each auxiliary one that counts (Sadikine et al. 2023, Eq. 9).

    counts: as of `class_weights`. Raises ValueError where the settings do not fit the number of scales.
    """
    # Of each class again, where they are tasks of classes and scales.
    of_scales = settings.scale_weights(tasks.n_scales) if tasks.auxiliary else ()
    lambdas = of_scales * (len(tasks.auxiliary) // max(1, tasks.n_scales))
    parts = [(tasks.main, 1.0, settings.main)]
    parts += [(task, weight, settings.auxiliary) for task, weight in zip(tasks.auxiliary, lambdas)]
    return [
        WeightedTask(task, tasks.n_scales, weight, terms, class_weights(settings, task, counts))
        for task, weight, terms in parts
        if weight
    ]


def class_weights(settings: LossSettings, task: Task, counts: VoxelCounts | None) -> tuple[float, ...]:
    """Weight of a voxel of each class of a task in the cross-entropy, the background's 1 first where it is a class.

    Args:
        settings: a number holds for every class; "auto" takes `balanced_weight` of each class.
        task: whose classes are weighted.
        counts: how many voxels of the training fold have each class and scale.
    """
    if settings.foreground_weight != "auto":
        weights = [float(settings.foreground_weight)] * len(task.masks)
    elif counts is None:
        raise ValueError("counts: foreground_weight 'auto' needs the voxels of each class and scale, got none")
    else:
        voxels = sum(counts.values())
        weights = [balanced_weight(members.voxels(counts), voxels) for members in task.masks]
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
            term = TERMS[name]
            with with_value_checks() if term.on_host else nullcontext():
                value = term.compute(task, settings.of_term(name))
            terms[f"{task.name}/{name}"] = value
            total = total + weighted.weight * weight * value
    return total


def supervised(
    weighted: WeightedTask, logits: Tensor, truth: Truth | CoarserTruth, generator: torch.Generator | None
) -> SupervisedTask:
    """A task's own logits (B, K, *S) beside its part of the truth: all that its terms may look at.

    Nothing is learnt from ignored voxels: every term leaves them out by its mask.
    """
    task = weighted.task
    labels = None
    if task.exclusive:
        labels = truth.exclusive_labels(task.exclusive, len(task.masks))
        masks = [labels == label for label in range(1, 1 + len(task.masks))]
    else:
        masks = [truth.mask(members) for members in task.masks]
    probabilities = torch.softmax(logits, dim=1)[:, 1:] if task.exclusive else torch.sigmoid(logits)
    return SupervisedTask(
        task.name,
        logits,
        probabilities,
        torch.stack(masks, dim=1).to(logits.dtype),
        weighted.class_weights,
        exclusive_labels=labels,
        truth=truth,
        masks=task.masks,
        n_scales=weighted.n_scales,
        trees=task.trees,
        mask=None if truth.ignored is None else ~truth.ignored.unsqueeze(1),
        generator=generator,
    )

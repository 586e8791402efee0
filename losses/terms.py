"""The terms a task's loss can be made of, by name.

Adding one takes a file with its function, its settings in `losses/term_settings.py`, and a line in the table of each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor

from ramify.losses.betti_matching import betti_matching_loss
from ramify.losses.boundary import boundary_loss
from ramify.losses.cbdice import cbdice_loss
from ramify.losses.centreline_cross_entropy import centreline_cross_entropy_loss
from ramify.losses.cross_entropy import binary_cross_entropy, categorical_cross_entropy
from ramify.losses.dice import dice_loss
from ramify.losses.generalised_dice import generalised_dice_loss
from ramify.losses.perceptual import perceptual_loss
from ramify.losses.persistent_homology import persistent_homology_loss
from ramify.losses.skeleton_recall import skeleton_recall_loss
from ramify.losses.soft_cldice import soft_cldice_loss
from ramify.losses.term_settings import (
    BalanceSettings,
)
from ramify.losses.topo_cldice import topo_cldice_loss
from ramify.losses.topograph import topograph_loss
from ramify.losses.truth import CoarserTruth, Truth
from ramify.losses.tversky import tversky_loss
from ramify.losses.warping import warping_loss
from ramify.tasks.members import Members, of_scale


@dataclass(frozen=True, eq=False)
class SupervisedTask:
    """One task's output beside its truth: all that a term may look at.

    Channels C are the task's foreground classes: one for a vessel or scale mask, more for classes, regions or exclusive
    scales; logits of exclusive ones have the background as a further channel 0 (K = 1 + C).
    """

    name: str
    logits: Tensor  # (B, K, *S)
    probabilities: Tensor  # (B, C, *S) in [0, 1], float32
    target: Tensor  # (B, C, *S) of 0 and 1, float32
    class_weights: tuple[float, ...]  # of each channel (K): the background's first, where classes are exclusive
    exclusive_labels: Tensor | None = None  # (B, *S) integers, where the classes exclude one another
    truth: Truth | CoarserTruth | None = None  # what the target is made of, on the same grid
    masks: tuple[Members, ...] = ()  # of each class, what is in it
    n_scales: int = 0
    trees: tuple[int, ...] = (0,)  # places of the classes that are vessels alone
    mask: Tensor | None = None  # bool (B, 1, *S), where it is known what is right; None: everywhere
    generator: torch.Generator | None = None  # of terms that draw

    @property
    def tubed_skeleton(self) -> Tensor:
        """Tubed skeleton of each class, bool (B, C, *S): that of the vessels, where the class is."""
        tubes = [self.truth.tube(members) for members in self.masks] if self.truth else []
        given = [tube for tube in tubes if tube is not None]
        if not given:
            raise ValueError(f"{self.name}: this loss needs the truth's tubed_skeleton, and none was given")
        return torch.stack(given, dim=1) & (self.target > 0)

    @property
    def scales(self) -> Tensor | None:
        """Where each scale is, bool (B, S, *S); None where every class is one scale, balanced as it is."""
        if self.truth is None or not self.n_scales or all(members.scales for members in self.masks):
            return None
        scales = [self.truth.mask(of_scale(scale)) for scale in range(1, 1 + self.n_scales)]
        if len(self.trees) < len(self.masks):
            # What has no scale is as if it were one: its voxels count alike among themselves.
            scales.append(~torch.stack(scales).any(dim=0))
        return torch.stack(scales, dim=1)

    @property
    def of_trees(self) -> SupervisedTask:
        """The same task with the classes alone that have skeletons; its logits are those of all."""
        if len(self.trees) == len(self.masks):
            return self
        places = list(self.trees)
        return dataclasses.replace(
            self,
            probabilities=_channels(self.probabilities, places),
            target=_channels(self.target, places),
            masks=tuple(self.masks[place] for place in places),
            trees=tuple(range(len(places))),
        )

    @property
    def spacing_mm(self) -> Tensor | None:
        """Voxel size of each sample, (B, ndim)."""
        return self.truth.spacing_mm if self.truth else None


def _channels(values: Tensor, places: list[int]) -> Tensor:
    """Some of the channels of (B, C, *S); slice by slice, since a list as an index would have to be sent to a GPU."""
    return torch.cat([values[:, :0], *(values[:, place : place + 1] for place in places)], dim=1)


@dataclass(frozen=True)
class Term:
    """A loss that a task can be trained on."""

    compute: Callable[[SupervisedTask, Any], Tensor]
    """From the task and the term's own settings to a scalar."""
    of_trees: bool = False
    """Whether it is of vessels alone, and 0 of a task without any."""
    on_host: bool = False
    """Whether it computes in host memory, by code that NaN is not to reach: values are looked at before it always."""


def of_probabilities(
    loss: Callable[..., Tensor], *also: str, of: str = "target", trees: bool = True, on_host: bool = False
) -> Term:
    """A term made of a loss of (probabilities, target), whose keyword arguments are the fields of its settings and the
    `mask` of the voxels that count.

    Where the settings have a `balance`, the loss gets the task's `scales` in its place, or None.

    also: parts of the task that it takes as keyword arguments too, such as "spacing_mm".
    of: the part of the task that is its target.
    trees: whether it is of vessels alone, since other classes, such as tumours, have no tree.
    on_host: whether it computes in host memory.
    """

    def compute(task: SupervisedTask, own: BaseModel) -> Tensor:
        if trees:
            task = task.of_trees
            if not task.masks:
                return task.logits.new_zeros(())
        arguments = dict(own) | {name: getattr(task, name) for name in (*also, "mask")}
        if isinstance(own, BalanceSettings):
            arguments["scales"] = task.scales if arguments.pop("balance") == "scales" else None
        return loss(task.probabilities, getattr(task, of), **arguments)

    return Term(compute, trees, on_host)


def cross_entropy(task: SupervisedTask, _: None) -> Tensor:
    """Weighted cross-entropy of the task's kind: sigmoid of one mask, or softmax over exclusive classes."""
    if task.exclusive_labels is None:
        return binary_cross_entropy(task.logits, task.target, task.class_weights, mask=task.mask)
    return categorical_cross_entropy(task.logits, task.exclusive_labels, task.class_weights, mask=task.mask)


TERMS: dict[str, Term] = {
    "dice": of_probabilities(dice_loss, trees=False),
    "cross_entropy": Term(cross_entropy),
    "tversky": of_probabilities(tversky_loss, trees=False),
    "soft_cldice": of_probabilities(soft_cldice_loss),
    "topo_cldice": of_probabilities(topo_cldice_loss, "generator", on_host=True),
    "skeleton_recall": of_probabilities(skeleton_recall_loss, of="tubed_skeleton"),
    "cbdice": of_probabilities(cbdice_loss, "spacing_mm"),
    "boundary": of_probabilities(boundary_loss, "spacing_mm", trees=False),
    "generalised_dice": of_probabilities(generalised_dice_loss, trees=False),
    "centreline_cross_entropy": of_probabilities(centreline_cross_entropy_loss),
    "persistent_homology": of_probabilities(persistent_homology_loss, on_host=True),
    "warping": of_probabilities(warping_loss, on_host=True),
    "betti_matching": of_probabilities(betti_matching_loss, on_host=True),
    "topograph": of_probabilities(topograph_loss, "generator", on_host=True),
    "perceptual": of_probabilities(perceptual_loss),
}

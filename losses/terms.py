"""The terms a task's loss can be made of, by name. Adding one takes a file with its function and a line in `TERMS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from losses.cross_entropy import binary_cross_entropy, categorical_cross_entropy
from losses.dice import dice_loss

if TYPE_CHECKING:
    from losses.settings import LossSettings


@dataclass(frozen=True, eq=False)
class SupervisedTask:
    """One task's output beside its truth: all that a term may look at.

    Channels C are the task's foreground classes: one for a vessel or scale mask, S for exclusive scales, whose logits
    have the background as a further channel 0 (K = 1 + S).
    """

    name: str
    logits: Tensor  # (B, K, *S)
    probabilities: Tensor  # (B, C, *S) in [0, 1], float32
    target: Tensor  # (B, C, *S) of 0 and 1, float32
    class_weights: tuple[float, ...]  # of the foreground (one) or of background and every scale (K)
    exclusive_labels: Tensor | None = None  # (B, *S) integers, where the classes exclude one another


Term = Callable[[SupervisedTask, "LossSettings"], Tensor]


def cross_entropy(task: SupervisedTask) -> Tensor:
    """Weighted cross-entropy of the task's kind: sigmoid of one mask, or softmax over exclusive classes."""
    if task.exclusive_labels is None:
        return binary_cross_entropy(task.logits, task.target, task.class_weights[0])
    return categorical_cross_entropy(task.logits, task.exclusive_labels, task.class_weights)


TERMS: dict[str, Term] = {
    "dice": lambda task, settings: dice_loss(task.probabilities, task.target, **settings.dice.model_dump()),
    "cross_entropy": lambda task, settings: cross_entropy(task),
}

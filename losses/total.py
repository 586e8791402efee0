"""The whole objective: L = L_mt + Σ λ_s L_s + λ_c L_c (Sadikine et al. 2023, Eq. 9), and that of the baselines."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from ramify.losses.across_ranks import joined_batch
from ramify.losses.anchors import sample_anchors
from ramify.losses.contrastive import contrastive_loss
from ramify.losses.cross_entropy import balanced_weight
from ramify.losses.early_gradient import differentiated_at_once
from ramify.losses.memory_bank import MemoryBank
from ramify.losses.precision import at_least_float32
from ramify.losses.settings import LossSettings
from ramify.losses.terms import TERMS, SupervisedTask
from ramify.losses.truth import Truth

Formulation = Literal["multi_task", "binary", "multi_class"]


class Outputs(Protocol):
    """What a network returns: logits (B, K, *S) and one projection (B, E, *s) a scale, or none."""

    @property
    def logits(self) -> Tensor: ...
    @property
    def projections(self) -> Sequence[Tensor]: ...


class _Part(NamedTuple):
    """A task's part of the objective: its scale (0: all vessels), its weight and its terms."""

    name: str
    scale: int
    weight: float
    terms: Mapping[str, float]


class TotalLoss:
    """Every term of the objective by name, and their weighted sum (Sadikine et al. 2023, Eq. 9).

    Args:
        settings: terms and weights.
        formulation: "multi_task" (logits of 1 + S channels: vessel, then each scale), "binary" (1 channel: vessel) or
            "multi_class" (1 + S exclusive channels: background, then each scale; its main task is all of them).
        scales: number of scales S in the label maps.
        label_voxels: 1 + S counts of the labels 0 … S over the training fold; needed by foreground_weight "auto".

    Attributes:
        foreground_weights: the weight used for the main task and for each scale, 1 + S of them.
        bank: anchors of past steps, or None; a checkpoint keeps them.

    Raises ValueError where the settings do not fit the number of scales, or counts are needed and missing.
    """

    def __init__(
        self, settings: LossSettings, formulation: Formulation, scales: int, label_voxels: Sequence[int] | None = None
    ) -> None:
        if formulation not in get_args(Formulation):
            raise ValueError(f"formulation: expected one of {', '.join(get_args(Formulation))}, got {formulation!r}")
        if scales < (1 if formulation == "multi_class" else 0):
            raise ValueError(f"scales: expected at least {int(formulation == 'multi_class')}, got {scales}")
        self.settings = settings
        self.formulation = formulation
        self.scales = scales
        self.scale_weights = settings.scale_weights(scales) if formulation == "multi_task" and scales else ()
        self.foreground_weights = foreground_weights(settings, scales, label_voxels)
        self.bank = MemoryBank(settings.anchors.bank) if settings.anchors.bank else None
        self._latest: tuple[Tensor, Tensor] | None = None

    def __call__(
        self,
        outputs: Outputs,
        truth: Truth,
        generator: torch.Generator | None = None,
        *,
        differentiable_terms: bool = False,
    ) -> dict[str, Tensor]:
        """Compute the loss of a batch.

        Args:
            outputs: the network's logits and projections, of any floating type; computed in float32 or better.
            truth: label map, and what some terms need besides it.
            generator: draws the anchors and whatever else is drawn; see `sample_anchors`.
            differentiable_terms: let every term be differentiated, for which all of their graphs are kept. By default
                only the total can be; its gradient by the logits is computed at once, task by task.

        Returns:
            The terms unweighted, in order: "main/dice", "main/cross_entropy", "scale_1/dice", …, then "deep_1", … where
            the network is supervised on coarser grids too (each its tasks' weighted sum, entering with half the weight
            of the one before), "contrastive"; last "total", their weighted sum, to call backward on. A term whose
            weight is 0 is left out. A scale that is absent from the batch is an empty target: its terms stay finite.

        Raises ValueError where shapes do not fit, a label is out of range, or a term misses its part of the truth.
        """
        self._check(outputs, truth)
        total, terms = self._supervised(outputs.logits, truth, generator, differentiable_terms)
        levels = [total]
        for level, logits in enumerate(getattr(outputs, "deep_logits", ()), start=1):
            coarser = truth.coarser(logits.shape[2:])
            terms[f"deep_{level}"], _ = self._supervised(logits, coarser, generator, differentiable_terms)
            levels.append(terms[f"deep_{level}"])
        shares = [2.0**-level for level in range(len(levels))]
        total = sum((share * value for share, value in zip(shares, levels)), start=torch.zeros_like(total)) / sum(
            shares
        )
        if self.formulation == "multi_task" and self.scales and self.settings.lambda_contrastive:
            # Anchors of all ranks, drawn alike on each of them: the contrast is that of the whole batch.
            projections, labels = [joined_batch(p) for p in outputs.projections], joined_batch(truth.labels)
            embeddings, scales = sample_anchors(projections, labels, self.settings.anchors, generator)
            if not differentiable_terms:  # a look besides the step leaves nothing to remember
                self._latest = embeddings.detach(), scales
            anchors = len(embeddings)
            if self.bank is not None:
                embeddings, scales = self.bank.joined(embeddings, scales)
            terms["contrastive"] = value = contrastive_loss(embeddings, scales, self.settings.temperature, anchors)
            total = total + self.settings.lambda_contrastive * value
        return {**terms, "total": total}

    def _supervised(
        self, logits: Tensor, truth: Truth, generator: torch.Generator | None, differentiable_terms: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum of the terms of every task, and each of them by name."""
        terms: dict[str, Tensor] = {}
        total = at_least_float32(logits).new_zeros(())
        # One split rather than a slice a task: its gradient is written once.
        channels = (logits,) if self.formulation == "multi_class" else logits.split(1, dim=1)
        for part in self._parts():
            own = at_least_float32(channels[part.scale])
            objective = partial(self._objective, part, truth=truth, generator=generator, terms=terms)
            total = total + (objective(own) if differentiable_terms else differentiated_at_once(objective, own))
        return total, terms if differentiable_terms else {name: value.detach() for name, value in terms.items()}

    def _objective(
        self, part: _Part, logits: Tensor, truth: Truth, generator: torch.Generator | None, terms: dict[str, Tensor]
    ) -> Tensor:
        """A part's share of the objective; each of its terms is put into `terms`."""
        task = self._task(part, logits, truth, generator)
        total = logits.new_zeros(())
        for name, weight in part.terms.items():
            if weight:
                terms[f"{part.name}/{name}"] = value = TERMS[name].compute(task, self.settings.of_term(name))
                total = total + part.weight * weight * value
        return total

    def remember(self) -> None:
        """Put the anchors of the latest call into the memory bank, if there is one; once a step of the training."""
        if self.bank is not None and self._latest is not None:
            self.bank.push(*self._latest)

    def _parts(self) -> Iterator[_Part]:
        """The main task, and each scale that counts."""
        yield _Part("main", 0, 1.0, self.settings.main)
        for scale, weight in enumerate(self.scale_weights, start=1):
            if weight:
                yield _Part(f"scale_{scale}", scale, weight, self.settings.auxiliary)

    def _task(self, part: _Part, logits: Tensor, truth: Truth, generator: torch.Generator | None) -> SupervisedTask:
        """A part's own logits beside its truth."""
        labels = truth.labels
        rest = partial(
            SupervisedTask,
            part.name,
            logits,
            vessel_tube=truth.tubed_skeleton,
            spacing_mm=truth.spacing_mm,
            generator=generator,
        )
        if self.formulation == "multi_class":
            probabilities = torch.softmax(logits, dim=1)[:, 1:]
            target = torch.stack([labels == scale for scale in range(1, 1 + self.scales)], dim=1)
            weights = (1.0, *self.foreground_weights[1:])
            return rest(probabilities, target.to(probabilities.dtype), weights, exclusive_labels=labels)
        mask = (labels == part.scale if part.scale else labels > 0).unsqueeze(1).to(logits.dtype)
        return rest(torch.sigmoid(logits), mask, (self.foreground_weights[part.scale],))

    def _check(self, outputs: Outputs, truth: Truth) -> None:
        labels = truth.labels
        channels = 1 if self.formulation == "binary" else 1 + self.scales
        shape = tuple(outputs.logits.shape)
        if shape[1:2] != (channels,):
            raise ValueError(
                f"logits: expected {channels} channel(s) for {self.formulation} with {self.scales} scales, got {shape}"
            )
        if shape[:1] + shape[2:] != tuple(labels.shape) or labels.is_floating_point():
            expected = f"integers {shape[:1] + shape[2:]} to fit logits {shape}"
            raise ValueError(f"labels: expected {expected}, got {labels.dtype} {tuple(labels.shape)}")
        low, high = (int(value) for value in labels.aminmax())
        if low < 0 or high > self.scales:
            raise ValueError(f"labels: expected 0 … {self.scales} for {self.scales} scales, got {low} … {high}")
        projections = len(outputs.projections)
        wanted = self.formulation == "multi_task" and self.settings.lambda_contrastive
        if wanted and projections != self.scales:
            raise ValueError(
                f"projections: expected {self.scales}, one a scale, got {projections}: the contrast needs "
                "model.network resunet; with another network set loss.lambda_contrastive 0"
            )


def foreground_weights(settings: LossSettings, scales: int, label_voxels: Sequence[int] | None) -> tuple[float, ...]:
    """Weight of a foreground voxel for the main task and for each scale, 1 + S of them.

    Args:
        settings: a number holds for every task; "auto" takes `balanced_weight` of each task's own foreground.
        scales: number of scales S.
        label_voxels: how often each label 0 … S occurs in the training fold.
    """
    if settings.foreground_weight != "auto":
        return (float(settings.foreground_weight),) * (1 + scales)
    if label_voxels is None or len(label_voxels) != 1 + scales:
        got = "none" if label_voxels is None else len(label_voxels)
        raise ValueError(
            f"label_voxels: foreground_weight 'auto' needs {1 + scales} counts (background, {scales} scales), got {got}"
        )
    voxels = sum(label_voxels)
    foregrounds = (sum(label_voxels[1:]), *label_voxels[1:])
    return tuple(balanced_weight(foreground, voxels) for foreground in foregrounds)

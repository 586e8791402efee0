"""The whole objective: L = L_mt + Σ λ_s L_s + λ_c L_c (Sadikine et al. 2023, Eq. 9), and that of the baselines."""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ramify.losses.early_gradient import differentiated_at_once
from ramify.losses.memory_bank import MemoryBank
from ramify.losses.precision import at_least_float32
from ramify.losses.scale_contrast import ScaleContrast
from ramify.losses.settings import LossSettings
from ramify.losses.supervision import WeightedTask, objective_of, weighted_tasks
from ramify.losses.truth import CoarserTruth, Truth
from ramify.losses.value_checks import of_a_network, values_are_checked
from ramify.tasks.class_table import IGNORED
from ramify.tasks.contrast_head import ContrastHead
from ramify.tasks.formulation import Task, Tasks
from ramify.tasks.members import VoxelCounts


class Outputs(Protocol):
    """What a network returns: logits (B, K, *S), the projections (B, E, *s) of its heads, coarser logits or none, and
    the auxiliary tasks' apart where they are on a grid of their own, (B, K', *s) as the only one."""

    @property
    def logits(self) -> Tensor: ...
    @property
    def projections(self) -> Sequence[Tensor]: ...
    @property
    def deep_logits(self) -> Sequence[Tensor]: ...
    @property
    def auxiliary_logits(self) -> Sequence[Tensor]: ...


class TotalLoss:
    """Every term of the objective by name, and their weighted sum (Sadikine et al. 2023, Eq. 9).

    Args:
        settings: terms and weights.
        tasks: what is asked of the network: which channels its logits have and what they mean.
        counts: how many voxels of the training fold have each class and scale; needed by foreground_weight "auto".
        head: which projection heads the network has. Those of each scale are its auxiliary tasks', so that without such
            tasks there is nothing to contrast; a shared one needs no such tasks.

    Attributes:
        contrast: the contrast between scales, or None where there is none.

    Raises ValueError where the settings do not fit the tasks, or counts are needed and missing.

    Examples:
        >>> import torch
        >>> from ramify.losses import LossSettings, TotalLoss, Truth
        >>> from ramify.models import TaskOutputs
        >>> from ramify.tasks import Tasks
        >>> loss = TotalLoss(LossSettings(foreground_weight=1.0), Tasks("vessels", "none", n_scales=2))
        >>> truth = Truth(torch.tensor([[[0, 0, 1, 2]]]))
        >>> terms = loss(TaskOutputs(torch.zeros(1, 1, 1, 4)), truth)  # a probability of a half everywhere
        >>> {name: round(value.item(), 3) for name, value in terms.items()}
        {'main/dice': 0.5, 'main/cross_entropy': 0.693, 'total': 1.193}
    """

    def __init__(
        self,
        settings: LossSettings,
        tasks: Tasks,
        counts: VoxelCounts | None = None,
        head: ContrastHead = "per_scale",
    ) -> None:
        self.settings, self.tasks = settings, tasks
        self._supervised = weighted_tasks(settings, tasks, counts)
        has_heads = head == "shared" or (head == "per_scale" and tasks.beside == "scales" and tasks.auxiliary)
        contrasts = has_heads and settings.lambda_contrastive
        self.contrast = ScaleContrast(settings, head, tasks.n_scales) if contrasts else None
        if self.in_turn and self.contrast is not None and not self.contrast.shared:
            raise ValueError(
                "loss.in_turn: a contrast of a head a scale needs all scales in every step; set model.contrast.head to "
                "shared or none, or loss.in_turn false"
            )

    @property
    def in_turn(self) -> bool:
        """Whether a step learns one of the auxiliary tasks alone."""
        return self.settings.in_turn and len(self.tasks.auxiliary) > 0

    @property
    def bank(self) -> MemoryBank | None:
        """Anchors of past steps, which a checkpoint keeps; None where none are kept."""
        return None if self.contrast is None else self.contrast.bank

    def __call__(
        self,
        outputs: Outputs,
        truth: Truth,
        generator: torch.Generator | None = None,
        *,
        turn: int | None = None,
        differentiable_terms: bool = False,
    ) -> dict[str, Tensor]:
        """Compute the loss of a batch.

        Args:
            outputs: the network's logits and projections, of any floating type; computed in float32 or better.
            truth: scale map, and what some terms need besides it.
            generator: draws the anchors and whatever else is drawn; see `sample_anchors`.
            turn: the number, from 0, of the one auxiliary task that the outputs have, which counts as many times as
                there are of them; None: they have all.
            differentiable_terms: let every term be differentiated, for which all of their graphs are kept. By default
                only the total can be; its gradient by the logits is computed at once, task by task.

        Returns:
            The terms unweighted, in order: "main/dice", "main/cross_entropy", "scale_1/dice", …, then "deep_1", … where
            the network is supervised on coarser grids too (each its tasks' weighted sum, entering with half the weight
            of the one before), "contrastive"; last "total", their weighted sum, to call backward on. A term whose
            weight is 0 is left out. A scale that is absent from the batch is an empty target: its terms stay finite.

        Raises ValueError where shapes do not fit, a label is out of range, or a term misses its part of the truth.
        """
        main, beside = self.tasks.all[:1], self.tasks.auxiliary if turn is None else self.tasks.auxiliary[turn:][:1]
        self._check(outputs, truth, main, beside)

        # The tasks at full resolution, and on each coarser grid.
        share = 1 if turn is None else len(self.tasks.auxiliary)
        on_grid = partial(self._supervise, share=share, generator=generator, differentiable_terms=differentiable_terms)
        together = main if outputs.auxiliary_logits else (*main, *beside)
        total, terms = on_grid(outputs.logits, truth, together)
        for logits in outputs.auxiliary_logits:
            of_beside, own_terms = on_grid(logits, truth.coarser(logits.shape[2:]), beside)
            total, terms = total + of_beside, terms | own_terms
        levels = [total]
        for level, logits in enumerate(outputs.deep_logits, start=1):
            terms[f"deep_{level}"], _ = on_grid(logits, truth.coarser(logits.shape[2:]), together)
            levels.append(terms[f"deep_{level}"])
        total = _halving_mean(levels)

        if self.contrast is not None:
            contrast = self.contrast(
                outputs.projections,
                truth.asked.scale_map,
                self._wrong(outputs.logits, truth) if self.settings.anchors.errors else None,
                generator,
                ignored=truth.asked.ignored,
                keep=not differentiable_terms,
            )
            terms["contrastive"] = contrast
            total = total + self.settings.lambda_contrastive * contrast
        return {**terms, "total": total}

    def _supervise(
        self,
        logits: Tensor,
        truth: Truth | CoarserTruth,
        tasks: Sequence[Task],
        share: int,
        generator: torch.Generator | None,
        differentiable_terms: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum of the terms of these tasks, which have the logits' channels, and each of them by name.

        share: how many times an auxiliary task counts.
        """
        terms: dict[str, Tensor] = {}
        total = at_least_float32(logits).new_zeros(())
        for weighted, channels in self._split(logits, tasks):
            if weighted.task is not self.tasks.main:
                weighted = weighted._replace(weight=weighted.weight * share)
            objective = partial(
                objective_of, weighted, settings=self.settings, truth=truth, generator=generator, terms=terms
            )
            own = at_least_float32(channels)
            with of_a_network():
                value = objective(own) if differentiable_terms else differentiated_at_once(objective, own)
            total = total + value
        return total, terms if differentiable_terms else {name: value.detach() for name, value in terms.items()}

    def _split(self, logits: Tensor, tasks: Sequence[Task]) -> list[tuple[WeightedTask, Tensor]]:
        """Each supervised task of these with its channels; by one split, whose gradient is written once, not slices."""
        parts = logits.split([len(task.channels) for task in tasks], dim=1)
        of_task = {task.name: part for task, part in zip(tasks, parts, strict=True)}
        supervised = [weighted for weighted in self._supervised if weighted.task.name in of_task]
        return [(weighted, of_task[weighted.task.name]) for weighted in supervised]

    def _wrong(self, logits: Tensor, truth: Truth) -> Tensor:
        """Where the main task is known to be wrong about vessels, bool (B, *S)."""
        main = self.tasks.main
        own = logits.detach()[:, : main.channels.stop]
        # Channel by channel: a list of them as an index would have to be sent to a GPU.
        of_trees = [place + (main.exclusive is not None) for place in main.trees or range(len(main.masks))]
        trees = torch.stack([own[:, channel] for channel in of_trees], dim=1)
        # Of exclusive classes a vessel is whatever is likelier than all else, its classes or scales together.
        score = trees.amax(1)
        if main.exclusive:
            others = [channel for channel in main.channels if channel - 1 not in main.trees]
            score = trees.logsumexp(1) - torch.stack([own[:, channel] for channel in others], dim=1).logsumexp(1)
        wrong: Tensor = (score >= 0) != (truth.scale_map > 0)
        return wrong if truth.ignored is None else wrong & ~truth.ignored

    def _check(self, outputs: Outputs, truth: Truth, main: Sequence[Task], beside: Sequence[Task]) -> None:
        """Raise ValueError where the outputs are not those of the tasks, or do not fit the truth."""
        n_scales = self.tasks.n_scales
        shape = tuple(outputs.logits.shape)
        _check_channels("logits", shape, main if outputs.auxiliary_logits else (*main, *beside))
        for logits in outputs.auxiliary_logits:
            _check_channels("auxiliary_logits", tuple(logits.shape), beside)

        scale_map = truth.scale_map
        if shape[:1] + shape[2:] != tuple(scale_map.shape) or scale_map.is_floating_point():
            expected = f"integers {shape[:1] + shape[2:]} to fit logits {shape}"
            raise ValueError(f"scale_map: expected {expected}, got {scale_map.dtype} {tuple(scale_map.shape)}")
        if truth.answers_at_once or values_are_checked():
            low, high = (int(value) for value in truth.asked.scale_map.aminmax())
            if low < 0 or high > n_scales:
                raise ValueError(f"scale_map: expected 0 … {n_scales} for {n_scales} scales, got {low} … {high}")
        self._check_classes(truth)

        n_projections = len(outputs.projections)
        if self.contrast is not None and n_projections != self.contrast.n_projections:
            wanted = "1, of the shared head" if self.contrast.shared else f"{n_scales}, one a scale"
            raise ValueError(
                f"projections: expected {wanted}, got {n_projections}: the contrast needs "
                "model.network resunet; with another network set loss.lambda_contrastive 0"
            )

    def _check_classes(self, truth: Truth) -> None:
        """Raise ValueError where the class map is missing, does not fit the scale map, or has a class there is not."""
        class_map, names = truth.class_map, self.tasks.table.names
        if class_map is None:
            if len(names) > 1:
                raise ValueError(f"class_map: expected one to tell {', '.join(names)} apart, got none")
            return
        if class_map.shape != truth.scale_map.shape or class_map.is_floating_point():
            expected = f"integers {tuple(truth.scale_map.shape)} to fit the scale map"
            raise ValueError(f"class_map: expected {expected}, got {class_map.dtype} {tuple(class_map.shape)}")
        asked = truth.asked.class_map
        if asked is None or not (truth.answers_at_once or values_are_checked()):
            return
        low, high = (int(value) for value in (asked % IGNORED).aminmax())
        if low < 0 or high > len(names):
            raise ValueError(f"class_map: expected 0 … {len(names)} or {IGNORED} for {len(names)} classes, got {high}")


def _check_channels(name: str, shape: tuple[int, ...], tasks: Sequence[Task]) -> None:
    expected = sum(len(task.channels) for task in tasks)
    if shape[1:2] != (expected,):
        raise ValueError(
            f"{name}: expected {expected} channel(s) for {', '.join(task.name for task in tasks)}, got {shape}"
        )


def _halving_mean(levels: Sequence[Tensor]) -> Tensor:
    """Mean of the losses on grids of falling resolution, each with half the weight of the one before."""
    shares = [2.0**-level for level in range(len(levels))]
    total = sum((share * value for share, value in zip(shares, levels)), start=torch.zeros_like(levels[0]))
    return total / sum(shares)

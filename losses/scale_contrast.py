"""The contrast between scales as a term of the objective: its anchors, its memory, and what is to be seen of it."""

import sys
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ramify.losses.across_ranks import joined_batch
from ramify.losses.anchors import AnchorSettings, sample_anchors
from ramify.losses.constant_contrast import contrast_floor, spread_of
from ramify.losses.contrastive import contrastive_loss
from ramify.losses.memory_bank import MemoryBank
from ramify.losses.settings import LossSettings
from ramify.losses.shared_anchors import BACKGROUND, NO_CLASS, position_classes, sample_shared_anchors
from ramify.tasks.contrast_head import ContrastHead


class _Anchors(NamedTuple):
    """Those of the latest step, without gradient."""

    embeddings: Tensor
    labels: Tensor
    counts: Tensor
    """Embeddings of each label from 0 on, those of the bank among them."""
    loss: Tensor


class ScaleContrast:
    """The contrastive loss of a batch's projections (Sadikine et al. 2023, Eq. 7 and 8).

    Args:
        settings: temperature, anchors and hard negatives.
        head: what the projections are: one a scale, or one that all scales share.
        n_scales: number of scales S.

    Attributes:
        bank: anchors of past steps, or None; a checkpoint keeps them.
    """

    def __init__(self, settings: LossSettings, head: ContrastHead, n_scales: int) -> None:
        self.settings, self.shared, self.n_scales = settings, head == "shared", n_scales
        self.bank = MemoryBank(settings.anchors.bank) if settings.anchors.bank else None
        self._latest: _Anchors | None = None

    @property
    def n_projections(self) -> int:
        """How many projections it needs."""
        return 1 if self.shared else self.n_scales

    def __call__(
        self,
        projections: Sequence[Tensor],
        scale_map: Tensor,
        wrong: Tensor | None,
        generator: torch.Generator | None,
        *,
        keep: bool,
    ) -> Tensor:
        """The loss of a batch.

        Args:
            projections: (B, E, *s), `n_projections` of them.
            scale_map: integers (B, *S).
            wrong: bool (B, *S), where the network is wrong about vessels; None where nobody asks.
            generator: draws the anchors.
            keep: hold them ready for the memory bank, and to be looked at.
        """
        settings = self.settings
        if self.shared:
            embeddings, labels = sample_shared_anchors(
                projections[0], scale_map, self.n_scales, settings.anchors, generator, wrong
            )
        else:
            # Anchors of all ranks, drawn alike on each of them: the contrast is that of the whole batch.
            every, joined_map = [joined_batch(projection) for projection in projections], joined_batch(scale_map)
            embeddings, labels = sample_anchors(every, joined_map, settings.anchors, generator)
        own, own_labels = embeddings, labels
        if self.bank is not None:
            embeddings, labels = self.bank.joined(embeddings, labels)
        loss = contrastive_loss(
            embeddings,
            labels,
            settings.temperature,
            len(own),
            balanced=self.shared,
            hard_negatives=settings.hard_negatives,
        )
        if keep:
            counts = labels.bincount(minlength=1 + self.n_scales)
            self._latest = _Anchors(own.detach(), own_labels, counts, loss.detach())
        return loss

    def positions(self, projections: Sequence[Tensor], scale_map: Tensor) -> tuple[Tensor, Tensor]:
        """Everything that could be an anchor, embeddings (N, E) and labels (N,), of this process alone."""
        if not self.shared:
            return sample_anchors(projections, scale_map, AnchorSettings(cap=sys.maxsize))
        (projection,) = projections
        classes = position_classes(scale_map, tuple(projection.shape[2:]), self.n_scales, self.settings.anchors)
        chosen = classes.flatten() != NO_CLASS
        return projection.movedim(1, -1).flatten(0, -2)[chosen], classes.flatten()[chosen]

    def remember(self) -> None:
        """Put the anchors of the latest call into the memory bank, if there is one; once a step of the training."""
        if self.bank is not None and self._latest is not None:
            self.bank.push(self._latest.embeddings, self._latest.labels)

    def looks(self) -> dict[str, Tensor]:
        """What there is to see of the latest call: the loss above what constants reach, and how alike embeddings are.

        Returns:
            "above_floor": the loss minus `contrast_floor`. "within/scale_1" …, "within/background": `spread_of` each
            class that has anchors. "between": that of the classes among one another. Nothing without anchors.
        """
        latest = self._latest
        if latest is None or not len(latest.labels):
            return {}
        own = latest.labels.bincount(minlength=1 + self.n_scales)
        floor = contrast_floor(own.tolist(), self.settings.temperature, latest.counts.tolist(), balanced=self.shared)
        within, between = spread_of(latest.embeddings, latest.labels)
        looks = {"above_floor": latest.loss - floor}
        for label, cosine in within.items():
            looks["within/background" if label == BACKGROUND else f"within/scale_{label}"] = cosine
        return looks if between is None else looks | {"between": between}

"""The contrast between scales as a term of the objective: its anchors, its memory, and what is to be seen of it."""

import math
import sys
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ramify.losses.across_ranks import joined_batch, joined_on_host
from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.anchors import sample_anchors
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

    Raises ValueError where the cap leaves a class one anchor and no bank holds others: it would have no positive.
    """

    def __init__(self, settings: LossSettings, head: ContrastHead, n_scales: int) -> None:
        self.settings, self.shared, self.n_scales = settings, head == "shared", n_scales
        self.bank = MemoryBank(settings.anchors.bank) if settings.anchors.bank else None
        self._latest: _Anchors | None = None

        least, cap = 2 * self.n_classes, settings.anchors.cap
        if cap < least and self.bank is None:
            raise ValueError(
                f"loss.anchors.cap: expected at least {least}, two anchors for each of {self.n_classes} classes, got "
                f"{cap}; raise it, or keep anchors of past steps (loss.anchors.bank)"
            )

    @property
    def n_classes(self) -> int:
        """How many classes are contrasted: the scales, and background where a shared head has it."""
        return self.n_scales + (self.shared and self.settings.anchors.near_background > 0)

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
        ignored: Tensor | None = None,
        keep: bool,
    ) -> Tensor:
        """The loss of a batch.

        Args:
            projections: (B, E, *s), `n_projections` of them.
            scale_map: integers (B, *S), best in host memory: which positions are anchors is decided there.
            wrong: bool (B, *S), where the network is wrong about vessels; None where nobody asks.
            generator: draws the anchors.
            ignored: bool (B, *S), where nobody knows what is there; None where everything is known.
            keep: hold them ready for the memory bank, and to be looked at.
        """
        settings = self.settings
        if self.shared:
            embeddings, labels = sample_shared_anchors(
                projections[0], scale_map, self.n_scales, settings.anchors, generator, wrong, ignored
            )
        else:
            # Anchors of all ranks, drawn alike on each of them: the contrast is that of the whole batch.
            every = [joined_batch(projection) for projection in projections]
            joined_map = joined_on_host(scale_map.cpu(), every[0].device)
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

    def positions(
        self, projections: Sequence[Tensor], scale_map: Tensor, ignored: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Everything that could be an anchor, embeddings (N, E) and labels (N,), of this process alone.

        scale_map, ignored: as for a call.
        """
        if not self.shared:
            return sample_anchors(projections, scale_map, AnchorSettings(cap=sys.maxsize))
        (projection,) = projections
        size = tuple(projection.shape[2:])
        classes = position_classes(scale_map, size, self.n_scales, self.settings.anchors, ignored)
        chosen = classes.flatten() != NO_CLASS
        return projection.movedim(1, -1).flatten(0, -2)[chosen], classes.flatten()[chosen]

    def remember(self) -> None:
        """Put the anchors of the latest call into the memory bank, if there is one; once a step of the training."""
        if self.bank is not None and self._latest is not None:
            self.bank.push(self._latest.embeddings, self._latest.labels)

    def looks(self) -> dict[str, Tensor]:
        """What there is to see of the latest call: the loss above what constants reach, and how alike embeddings are.

        Returns:
            "positives": 1 where an anchor has one, else 0. "negatives": 1 where such an anchor has a negative too, else
            0, and then the loss is 0 whatever the embeddings. Where it is 1: "above_floor", the loss minus
            `contrast_floor`, and "above_floor_share", the same with all embeddings alike as 1. "within/scale_1" …,
            "within/background": `spread_of` each class of two anchors or more, since one is always like itself.
            "between": that of the classes among one another, where there are two.
        """
        if self._latest is None:
            return {}
        embeddings, labels, of_classes, loss = self._latest
        own, counts = labels.bincount(minlength=1 + self.n_scales).tolist(), of_classes.tolist()
        positives = any(anchors and count > 1 for anchors, count in zip(own, counts))
        negatives = positives and sum(count > 0 for count in counts) > 1
        looks = {"positives": torch.tensor(float(positives)), "negatives": torch.tensor(float(negatives))}

        if negatives:
            floor = contrast_floor(own, self.settings.temperature, counts, balanced=self.shared)
            alike = contrast_floor(own, math.inf, counts, balanced=self.shared)  # no angle counts
            looks["above_floor"] = loss - floor
            if alike > floor:
                looks["above_floor_share"] = (loss - floor) / (alike - floor)

        within, between = spread_of(embeddings, labels)
        for label, cosine in within.items():
            if own[label] > 1:
                looks["within/background" if label == BACKGROUND else f"within/scale_{label}"] = cosine
        return looks if between is None else looks | {"between": between}

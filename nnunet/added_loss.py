"""One of Ramify's losses beside nnU-Net's own, on what nnU-Net hands to a loss."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ramify.losses.precision import at_least_float32
from ramify.nnunet.extra_channel import without_last_channel
from ramify.nnunet.vessel_classes import vessel_classes


class LossBeside(nn.Module):
    """nnU-Net's loss, and in training another beside it.

    In evaluation it is nnU-Net's alone, so that the losses that nnU-Net logs of its validation steps mean the same for
    every trainer.

    Args:
        own: nnU-Net's, of (logits, target).
        added: one of Ramify's modules of losses, of probabilities.
        channels: of the logits that it is for: the vessels.
        regions: whether channels are regions, a sigmoid each; otherwise classes that exclude one another, the
            background first.
        ignore_label: of labels; of regions, whether nnU-Net's target has a further channel of what is ignored.
        spacing_mm: voxel size of the finest grid, and `patch_size` its shape: coarser ones have larger voxels.
        with_tube: whether the target has a tubed skeleton as its last channel.
    """

    def __init__(
        self,
        own: nn.Module,
        added: nn.Module,
        channels: Sequence[int],
        *,
        regions: bool,
        ignore_label: int | None,
        spacing_mm: Sequence[float],
        patch_size: Sequence[int],
        with_tube: bool = False,
    ) -> None:
        super().__init__()
        self.own, self.added, self.channels = own, added, list(channels)
        self.regions, self.ignore_label, self.with_tube = regions, ignore_label, with_tube
        self.spacing_mm, self.patch_size = tuple(spacing_mm), tuple(patch_size)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        if not self.training:
            alone: Tensor = self.own(logits, target)
            return alone
        tube = None
        if self.with_tube:
            target, tube = without_last_channel(target, regions=self.regions)
        values = at_least_float32(logits)
        probabilities = torch.sigmoid(values) if self.regions else torch.softmax(values, dim=1)
        added: Tensor = self.added(
            probabilities[:, self.channels],
            self.masks(target),
            mask=self.known(target),
            spacing_mm=self.spacing_of(logits),
            tube=None if tube is None else tube.unsqueeze(1) > 0,
        )
        total: Tensor = self.own(logits, target) + added
        return total

    def masks(self, target: Tensor) -> Tensor:
        """Where the classes or regions are that the loss is for, bool (B, K, *S)."""
        if self.regions:
            return target[:, self.channels].bool()
        return torch.cat([target == label for label in self.channels], dim=1)

    def known(self, target: Tensor) -> Tensor | None:
        """Where somebody labelled something, bool (B, 1, *S); None where there is no ignore label."""
        return known_voxels(target, regions=self.regions, ignore_label=self.ignore_label)

    def spacing_of(self, logits: Tensor) -> tuple[float, ...]:
        """Voxel size of the grid of these logits, mm."""
        sizes = zip(self.spacing_mm, self.patch_size, logits.shape[2:], strict=True)
        return tuple(step * fine / coarse for step, fine, coarse in sizes)


def known_voxels(target: Tensor, *, regions: bool, ignore_label: int | None) -> Tensor | None:
    """Where somebody labelled something, bool (B, 1, *S); None where there is no ignore label.

    Args:
        target: nnU-Net's own, (B, C, *S); of regions, the last channel is what is ignored.
        regions, ignore_label: as of `LossBeside`.
    """
    if ignore_label is None:
        return None
    return ~target[:, -1:].bool() if regions else target != ignore_label


def add_loss(trainer: Any, own: nn.Module, added: nn.Module, *, with_tube: bool = False) -> nn.Module:
    """nnU-Net's loss with one of Ramify's beside it, at each resolution that nnU-Net teaches.

    Args:
        trainer: of nnU-Net, whose plans and labels say what channels are; `trainer.vessels`, where it has that, names
            the labels or regions that are vessels, all others having no part in the loss.
        own: what its `_build_loss` gives.
        added: the module of a loss, of probabilities (`activation=None`), with its weight.
        with_tube: whether the last channel of the targets is a tubed skeleton, as `RamifySkeletonRecall` has it.

    Returns:
        What `_build_loss` is to give instead.

    Raises ValueError where `trainer.vessels` names what the data set does not have.
    """
    manager, plan = trainer.label_manager, trainer.configuration_manager
    labels, vessels = trainer.dataset_json["labels"], getattr(trainer, "vessels", None)
    channels = vessel_classes(labels, vessels, regions=manager.has_regions).channels

    def beside(inner: nn.Module) -> LossBeside:
        return LossBeside(
            inner,
            added,
            channels,
            regions=manager.has_regions,
            ignore_label=manager.ignore_label,
            spacing_mm=plan.spacing,
            patch_size=plan.patch_size,
            with_tube=with_tube,
        )

    if not hasattr(own, "weight_factors"):
        return beside(own)
    # Of deep supervision: the same loss at every resolution, weighted there.
    own.loss = beside(own.loss)  # type: ignore[arg-type]
    return own

"""What the method minimises on nnU-Net's network: L_nnU-Net + Σ λ_s L_s + λ_c L_c (Sadikine et al. 2023, Eq. 9)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ramify.losses.anchor_settings import AnchorSettings
from ramify.losses.scale_contrast import ScaleContrast
from ramify.losses.settings import LossSettings
from ramify.losses.supervision import objective_of, weighted_tasks
from ramify.losses.term_settings import DiceSettings
from ramify.losses.truth import Truth
from ramify.nnunet.added_loss import known_voxels
from ramify.nnunet.extra_channel import without_last_channel
from ramify.nnunet.scale_network import ScaleOutputs
from ramify.tasks.class_table import IGNORED
from ramify.tasks.formulation import Tasks

ANCHOR_SEED = 0


class ScaleObjective(nn.Module):
    """nnU-Net's own loss; of what a `ScaleNetwork` gives in training, the losses of the scales and the contrast too.

    Each scale has Dice and cross-entropy of its own channel, weighted over the resolutions as nnU-Net weights its own.

    Args:
        own: nnU-Net's loss, of all resolutions.
        settings: weights of the scales and of the contrast, and how they are computed; see `settings_of`.
        n_scales: number of scales S.
        level_weights: of the resolutions, finest first.
        regions: whether nnU-Net's targets are regions.
        ignore_label: the label of voxels that nobody labelled, or None.

    Attributes:
        generator: draws the anchors of the contrast, alike in all processes of a distributed training.
    """

    def __init__(
        self,
        own: nn.Module,
        settings: LossSettings,
        n_scales: int,
        *,
        level_weights: Sequence[float] = (1.0,),
        regions: bool = False,
        ignore_label: int | None = None,
    ) -> None:
        super().__init__()
        self.own, self.settings = own, settings
        self.level_weights = tuple(map(float, level_weights))
        self.regions, self.ignore_label = regions, ignore_label
        # The main task is nnU-Net's, whose loss is its own.
        self._scales = weighted_tasks(settings, Tasks("vessels", "scales", n_scales), None)[1:]
        self._contrast = ScaleContrast(settings, "shared", n_scales) if settings.lambda_contrastive else None
        self.generator = torch.Generator().manual_seed(ANCHOR_SEED)

    def forward(self, output: ScaleOutputs | Tensor | list[Tensor], target: Tensor | list[Tensor]) -> Tensor:
        """A scalar.

        Args:
            output: the network's.
            target: nnU-Net's, of each resolution; in training with the scale map as the last channel.
        """
        if not isinstance(output, ScaleOutputs):
            alone: Tensor = self.own(output, target)
            return alone
        levels = target if isinstance(target, list) else [target]
        parts = [without_last_channel(level, regions=self.regions) for level in levels]
        own_targets = [own for own, _ in parts]
        truths = [self._truth(*part) for part in parts]
        total: Tensor = self.own(output.main, own_targets if isinstance(target, list) else own_targets[0])
        for weight, logits, truth in zip(self.level_weights, output.scales, truths, strict=True):
            if weight:
                total = total + weight * self._of_scales(logits, truth)
        if self._contrast is not None and output.projection is not None:
            contrast = self._contrast(
                [output.projection], truths[0].scale_map, None, self.generator, ignored=truths[0].ignored, keep=False
            )
            total = total + self.settings.lambda_contrastive * contrast
        return total

    def _of_scales(self, logits: Tensor, truth: Truth) -> Tensor:
        """Σ λ_s L_s on one grid; logits (B, S, *s)."""
        total = logits.new_zeros((), dtype=torch.float32)
        for task in self._scales:
            (channel,) = task.task.channels
            # The main task's channel, which comes before theirs, is not among these.
            own = logits[:, channel - 1 : channel].float()
            total = total + objective_of(task, own, self.settings, truth, None, {})
        return total

    def _truth(self, own: Tensor, scale_map: Tensor) -> Truth:
        known = known_voxels(own, regions=self.regions, ignore_label=self.ignore_label)
        if known is None:
            return Truth(scale_map)
        return Truth(scale_map, class_map=(scale_map > 0).to(torch.int16).masked_fill(~known[:, 0], IGNORED))


def settings_of(
    scale_weights: Sequence[float],
    contrast_weight: float,
    temperature: float,
    near_background: int,
    *,
    over_batch: bool,
) -> LossSettings:
    """The settings of the objective, Dice and cross-entropy weighted alike and without class weights as in nnU-Net.

    Args:
        scale_weights: λ_s, smallest vessels first, or one for all.
        contrast_weight: λ_c; 0 turns the contrast off.
        temperature: τ of the contrast.
        near_background: up to so many positions from a vessel, background is a class of the contrast; 0: it is none.
        over_batch: take the sums of Dice over the batch, as nnU-Net's plans say for its own.
    """
    return LossSettings(
        lambda_scales=tuple(scale_weights),
        lambda_contrastive=contrast_weight,
        temperature=temperature,
        foreground_weight=1.0,
        anchors=AnchorSettings(near_background=near_background),
        dice=DiceSettings(over_batch=over_batch),  # type: ignore[call-arg]
    )

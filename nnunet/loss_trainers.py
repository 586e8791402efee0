"""nnU-Net with one of Ramify's losses beside its own, a trainer each."""

from torch import nn

from ramify.losses import CbDice, SkeletonRecall, SoftClDice, TopoClDice
from ramify.nnunet.added_loss import add_loss
from ramify.nnunet.base_trainer import RamifyTrainer
from ramify.nnunet.case_cache import TubeMaps
from ramify.nnunet.case_map_trainer import CaseMapTrainer


class RamifySoftClDice(RamifyTrainer):
    """Soft-clDice (Shit et al. 2021) beside nnU-Net's Dice and cross-entropy."""

    weight: float = 1.0

    def _build_loss(self) -> nn.Module:
        return add_loss(self, super()._build_loss(), SoftClDice(self.weight, activation=None, checked=False))


class RamifyTopoClDice(RamifyTrainer):
    """Topo-clDice (Menten et al. 2023) beside nnU-Net's Dice and cross-entropy."""

    weight: float = 1.0

    def _build_loss(self) -> nn.Module:
        return add_loss(self, super()._build_loss(), TopoClDice(self.weight, activation=None, checked=False))


class RamifyCbDice(RamifyTrainer):
    """Centreline-boundary Dice (Shi et al. 2024) beside nnU-Net's Dice and cross-entropy."""

    weight: float = 1.0

    def _build_loss(self) -> nn.Module:
        return add_loss(self, super()._build_loss(), CbDice(self.weight, activation=None, checked=False))


class RamifySkeletonRecall(CaseMapTrainer):
    """Skeleton Recall (Kirchhoff et al. 2024) beside nnU-Net's Dice and cross-entropy, regions too.

    The tubes are made once a case. Those of a configuration of slices are made slice by slice. Recall is over the batch
    where the plans have Dice so (`batch_dice`).

    Attributes:
        weight: of the loss.
        tube_radius: voxels.
    """

    weight: float = 1.0
    tube_radius: int = 2

    def case_maps(self, trees: tuple[tuple[int, ...], ...]) -> TubeMaps:
        return TubeMaps(trees, self.tube_radius, by_slice=len(self.configuration_manager.patch_size) == 2)

    def _build_loss(self) -> nn.Module:
        over_batch = self.configuration_manager.batch_dice
        added = SkeletonRecall(self.weight, activation=None, over_batch=over_batch, checked=False)
        return add_loss(self, super()._build_loss(), added, with_tube=True)

"""Ramify inside nnU-Net: its losses and its scales as trainers that `nnUNetv2_train -tr NAME` finds.

Trainers need nnU-Net itself; docs/nnunet.md says how it is installed.
"""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.nnunet.added_loss import add_loss
    from ramify.nnunet.base_trainer import RamifyTrainer
    from ramify.nnunet.folder import trainers_folder
    from ramify.nnunet.loss_trainers import RamifyCbDice, RamifySkeletonRecall, RamifySoftClDice, RamifyTopoClDice
    from ramify.nnunet.scale_trainer import RamifyScales
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "RamifyCbDice",
    "RamifyScales",
    "RamifySkeletonRecall",
    "RamifySoftClDice",
    "RamifyTopoClDice",
    "RamifyTrainer",
    "add_loss",
    "trainers_folder",
]

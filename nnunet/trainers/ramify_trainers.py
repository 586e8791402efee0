"""What `nnUNetv2_train -tr NAME` finds where nnUNet_extTrainer names this folder.

nnU-Net forgets this module once it has a trainer of it: all that trainers need later is in modules of Ramify's own.
"""

from ramify.nnunet.loss_trainers import RamifyCbDice, RamifySkeletonRecall, RamifySoftClDice, RamifyTopoClDice
from ramify.nnunet.scale_trainer import RamifyScales

__all__ = ["RamifyCbDice", "RamifyScales", "RamifySkeletonRecall", "RamifySoftClDice", "RamifyTopoClDice"]

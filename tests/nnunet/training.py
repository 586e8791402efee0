"""Trainings of nnU-Net's, as its command runs them and as short as can be."""

from pathlib import Path
from typing import Any

TRAINERS_VARIABLE = "nnUNet_extTrainer"
CONFIGURATIONS = ("2d", "3d_fullres")
TRAINERS = ("RamifySoftClDice", "RamifySkeletonRecall", "RamifyTopoClDice", "RamifyCbDice", "RamifyScales")


def trainer_of(
    form: str, name: str, configuration: str = "3d_fullres", *, resume: bool = False, epochs: int = 2
) -> Any:
    """A trainer as `nnUNetv2_train` finds it, on the CPU; of four steps an epoch."""
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from tests.nnunet.tiny_data import NAMES

    trainer = get_trainer_from_args(
        NAMES[form], configuration, 0, name, continue_training=resume, device=torch.device("cpu")
    )
    trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = epochs, 4, 2
    trainer.save_every = 1
    return trainer


def trained(form: str, name: str, configuration: str = "3d_fullres") -> Any:
    """One that has trained for two epochs and predicted its validation case."""
    trainer = trainer_of(form, name, configuration)
    trainer.run_training()
    trainer.perform_actual_validation()
    return trainer


def results_of(nnunet: Path, form: str, name: str, configuration: str = "3d_fullres") -> Path:
    """Where nnU-Net writes what a trainer makes."""
    from tests.nnunet.tiny_data import NAMES

    return nnunet / "nnUNet_results" / NAMES[form] / f"{name}__nnUNetPlans__{configuration}"

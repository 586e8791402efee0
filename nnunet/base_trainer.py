"""What all trainers of Ramify's add to nnU-Net's: checkpoints that nnU-Net predicts with alone, losses in two modes."""

import os
from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

OWN_KEY = "ramify"
"""Of a checkpoint: what is Ramify's in it."""


class RamifyTrainer(nnUNetTrainer):  # type: ignore[misc]
    """nnU-Net's trainer for losses that have something to compute in training alone.

    A checkpoint names the trainer of nnU-Net's own that builds the network: to predict with it, nnU-Net needs neither
    Ramify nor nnUNet_extTrainer.

    Attributes:
        vessels: names of the labels or regions that are vessels; None: all of them.
    """

    vessels: tuple[str, ...] | None = None

    def own_state(self) -> dict[str, Any]:
        """What a checkpoint keeps besides nnU-Net's own."""
        return {"trainer": type(self).__name__}

    def save_checkpoint(self, filename: str) -> None:
        if self.local_rank != 0 or self.disable_checkpointing:
            super().save_checkpoint(filename)
            return
        # The file appears by its name once all is in it.
        part = Path(f"{filename}.part")
        super().save_checkpoint(os.fspath(part))
        checkpoint = torch.load(part, map_location="cpu", weights_only=False)
        checkpoint["trainer_name"] = self._builder()
        checkpoint[OWN_KEY] = self.own_state()
        torch.save(checkpoint, part)
        part.replace(filename)

    def _builder(self) -> str:
        """The trainer that nnU-Net is to build the network by: its own, unless somebody's builds another."""
        home = next(base for base in type(self).__mro__ if "build_network_architecture" in vars(base))
        return home.__name__ if home.__module__.split(".")[0] == "nnunetv2" else type(self).__name__

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        self.loss.train()

    def on_validation_epoch_start(self) -> None:
        super().on_validation_epoch_start()
        self.loss.eval()

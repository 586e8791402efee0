"""Print the folder of trainers for nnU-Net: export nnUNet_extTrainer="$(ramify nnunet-trainers)".

    python nnunet_trainers.py
    export nnUNet_extTrainer="$(ramify nnunet-trainers)"
    nnUNetv2_train 1 3d_fullres 0 -tr RamifyScales

docs/nnunet.md tells which trainers there are.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from ramify.command_line import parse, run
from ramify.nnunet.folder import trainers_folder


class NnunetTrainersCommand(BaseModel, frozen=True, extra="forbid"):
    """There is nothing to choose."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the folder."""
    parse(NnunetTrainersCommand, __doc__, argv)
    print(trainers_folder())
    return 0


if __name__ == "__main__":
    run(main)

"""Where nnU-Net finds the trainers."""

from pathlib import Path


def trainers_folder() -> Path:
    """The folder that the environment variable nnUNet_extTrainer has to name; `ramify nnunet-trainers` prints it.

    nnU-Net imports every file in it, from there and by its bare name, until one has the trainer it looks for. So it
    holds one file, which takes the trainers from this room.

    Examples:
        >>> from ramify.nnunet import trainers_folder
        >>> trainers_folder().name
        'trainers'
    """
    return Path(__file__).resolve().parent / "trainers"

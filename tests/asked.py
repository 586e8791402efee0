"""The three formulations of Sadikine et al. 2023, Table 1, by the paper's names, for tests that run over them."""

from ramify.tasks.formulation import Tasks
from ramify.tasks.members import VoxelCounts
from ramify.tasks.settings import TaskSettings

ASKED = {
    "multi_task": TaskSettings(main="vessels", auxiliary="scales"),
    "binary": TaskSettings(main="vessels", auxiliary="none"),
    "multi_class": TaskSettings(main="scales", auxiliary="none"),
}


def asked(formulation: str, n_scales: int) -> Tasks:
    """The tasks of a formulation for S scales of one class."""
    return Tasks.of(ASKED[formulation], n_scales)


def counts_of(background: int, *scales: int) -> VoxelCounts:
    """Voxels of background and of each scale of one class."""
    return {(0, 0): background} | {(1, scale): voxels for scale, voxels in enumerate(scales, 1)}
